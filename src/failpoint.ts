/**
 * Steps between two effects, at each of which a crash must lose nothing and count nothing twice.
 * Tests let the program die there: `PROM_STREAM_GATEWAY_FAILPOINT=<name>:<n>` kills the process
 * with SIGKILL when it comes to that step for the n-th time.
 */
export const FAILPOINTS = [
  "acquire_before",
  "acquire_after",
  "inspect_before",
  "inspect_after",
  "restored",
  "claim_before",
  "claim_after",
  "range_sent",
  "range_read",
  "range_decoded",
  "batch_posted",
  "batch_received",
  "batch_applied",
  "entry_before",
  "entry_after",
  "commit_before",
  "commit_sent",
  "commit_after",
  "renew_before",
  "renew_after",
  "release_before",
  "release_after",
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

const [deadlyName, deadlyCount] = (process.env.PROM_STREAM_GATEWAY_FAILPOINT ?? "").split(":");
let passed = 0;

/** Marks a step; called once a script or a batch, never once a sample. */
export function failpoint(name: Failpoint): void {
  if (name !== deadlyName) return;
  if (++passed >= Number(deadlyCount ?? 1)) process.kill(process.pid, "SIGKILL");
}
