/**
 * The yardstick for CPU a sample: `JSON.parse` of the mix, from strings that are made already, and
 * nothing else. CPU time of the whole process, so its garbage collector counts as the gateway's does.
 */
import { readMixFile } from "../mix.ts";

const { file, count } = JSON.parse(process.argv[2]) as { file: string; count: number };
const messages = readMixFile(file);
/** Kept and shown, so that no result is left unused. */
let types = 0;

parse(messages.length);
Bun.gc(true);
const before = process.cpuUsage();
parse(count);
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ cpuUsASample: (user + system) / count, types }));

function parse(total: number): void {
  for (let i = 0; i < total; i++) {
    const sample = JSON.parse(messages[i % messages.length]) as { type: string };
    types += sample.type.length;
  }
}
