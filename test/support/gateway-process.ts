import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.ts";

/** The compiled binary. */
export const BINARY = join(import.meta.dir, "../../dist/prom-stream-gateway");

export const QUEUE_KEY = "prom-stream-gateway:metric-queue";

/** The compiled binary at work, in an empty folder of its own. */
export interface GatewayProcess {
  pid: number;
  url: string;
  folder: string;
  /** What it has printed, a log line each. */
  log(): Record<string, unknown>[];
  errors(): string;
  metrics(query?: string): Promise<string>;
  /**
   * The value of one line of `/metrics`; undefined while it is not there, or when the answer was
   * broken off because the lease ended in the middle.
   */
  value(sample: string): Promise<number | undefined>;
  /** Only the families that senders made. */
  totals(): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** The exit code. */
  exited: Promise<number>;
  stop(): Promise<void>;
}

/** One that takes itself what senders push, on `port`. */
export type EmbeddedProcess = GatewayProcess & { port: number };

/** Starts the binary and waits until it serves. */
export async function startGateway(
  redisPort: number,
  flags: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<GatewayProcess> {
  return launch([`--Redis.ConnectionString=localhost:${redisPort}`, ...flags], environment);
}

/** Starts the binary with an embedded queue, and waits until it serves. `filesMax`: it may have open. */
export async function startEmbedded(
  flags: readonly string[] = [],
  environment: Record<string, string> = {},
  filesMax?: number,
): Promise<EmbeddedProcess> {
  const listen = "--Embedded.ListenAddress=127.0.0.1:0";
  const gateway = await launch([listen, ...flags], environment, filesMax);
  const { push } = gateway.log().find(({ event }) => event === "gateway_started") ?? {};
  return { ...gateway, port: Number(String(push).split(":").at(-1)) };
}

async function launch(
  flags: readonly string[],
  environment: Record<string, string>,
  filesMax?: number,
): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), "gateway-"));
  const limited = ["sh", "-c", `ulimit -n ${filesMax}; exec "$0" "$@"`];
  const program = [...(filesMax === undefined ? [] : limited), BINARY];
  const child = Bun.spawn([...program, "--Web.ListenAddress=127.0.0.1:0", ...flags], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...environment },
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = collect(child.stdout);
  const errors = collect(child.stderr);
  const log = () =>
    output()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  let code: number | undefined;
  void child.exited.then((exit) => {
    code = exit;
  });
  const started = await until("the gateway serves", () => {
    if (code !== undefined) throw new Error(`the gateway ended with ${code}: ${errors()}`);
    return log().find((line) => line.event === "gateway_started");
  });
  const url = String(started.metrics)
    .replace("localhost", "127.0.0.1")
    .replace(/\/metrics$/, "");
  const metrics = async (query = "") => (await fetch(`${url}/metrics${query}`)).text();
  return {
    pid: child.pid,
    url,
    folder,
    log,
    errors,
    metrics,
    value: async (sample) => readSample(await metrics().catch(() => ""), sample),
    totals: async () => withoutOwn(await metrics()),
    signal: (name) => child.kill(name),
    exited: child.exited,
    stop: async () => {
      child.kill("SIGKILL");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a command of the binary to its end, in an empty folder. */
export async function runBinary(
  words: readonly string[],
  options: { environment?: Record<string, string>; input?: string; cwd?: string } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const folder = options.cwd ?? mkdtempSync(join(tmpdir(), "gateway-"));
  const child = Bun.spawn([BINARY, ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...options.environment },
    stdin: new Blob([options.input ?? ""]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (options.cwd === undefined) rmSync(folder, { recursive: true, force: true });
  return { code, stdout, stderr };
}

export function readSample(exposition: string, sample: string): number | undefined {
  const line = exposition.split("\n").find((text) => text.startsWith(`${sample} `));
  return line === undefined
    ? undefined
    : Number(line.slice(sample.length + 1).replace("Inf", "Infinity"));
}

function withoutOwn(exposition: string): string {
  const lines = exposition.split("\n");
  return lines.filter((line) => !/^(# \w+ )?prom_stream_gateway_/.test(line)).join("\n");
}

function collect(stream: ReadableStream<Uint8Array>): () => string {
  let text = "";
  const decoder = new TextDecoder();
  void (async () => {
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  })();
  return () => text;
}
