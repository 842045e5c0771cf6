/**
 * A plain client that reads a list of the mix with `LRANGE`, oldest elements first, a few requests
 * outstanding, and throws the replies away. `raw` only counts the bytes that arrive, which it knows
 * beforehand: as fast as a client can be, so Redis is what is measured. `ioredis` is what a program
 * would use.
 */
import { Redis } from "ioredis";
import { readMixFile } from "../mix.ts";

interface Options {
  port: number;
  key: string;
  count: number;
  rangeLength: number;
  file: string;
  client: "raw" | "ioredis";
}

const OUTSTANDING = 3;
const options = JSON.parse(process.argv[2]) as Options;
const { port, key, count, rangeLength } = options;
const ranges = Math.floor(count / rangeLength);
const seconds = options.client === "raw" ? await readRaw() : await readWithIoredis();
console.log(JSON.stringify({ rate: (ranges * rangeLength) / seconds }));

/** Range 0 is the oldest: the last of the list. */
function boundsOf(range: number): [start: number, stop: number] {
  return [count - (range + 1) * rangeLength, count - range * rangeLength - 1];
}

async function readRaw(): Promise<number> {
  const ends = replyEnds();
  const done = Promise.withResolvers<void>();
  let received = 0;
  let replies = 0;
  let asked = 0;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => {
        received += bytes.length;
        while (replies < ranges && received >= ends[replies]) {
          replies++;
          ask();
        }
        if (replies === ranges) done.resolve();
      },
      close: () => done.reject(new Error("redis closed the connection")),
    },
  });
  const startedAt = performance.now();
  for (let i = 0; i < OUTSTANDING; i++) ask();
  await done.promise;
  const elapsedMs = performance.now() - startedAt;
  socket.end();
  if (received !== ends[ranges - 1]) throw new Error("BUG: replies are longer than expected");
  return elapsedMs / 1000;

  function ask(): void {
    if (asked === ranges) return;
    const [start, stop] = boundsOf(asked++);
    socket.write(`LRANGE ${key} ${start} ${stop}\r\n`);
  }
}

/** How many bytes have come when reply n is complete, in RESP2. */
function replyEnds(): Float64Array {
  const lengths = readMixFile(options.file).map((message) => message.length);
  const ends = new Float64Array(ranges);
  let end = 0;
  for (let i = 0; i < ranges * rangeLength; i++) {
    if (i % rangeLength === 0) end += `*${rangeLength}\r\n`.length;
    const length = lengths[i % lengths.length];
    end += `$${length}\r\n\r\n`.length + length;
    ends[Math.floor(i / rangeLength)] = end;
  }
  return ends;
}

async function readWithIoredis(): Promise<number> {
  const client = new Redis({ port, protocol: 2 });
  await client.ping();
  let next = 0;
  const startedAt = performance.now();
  const readers = Array.from({ length: OUTSTANDING }, async () => {
    while (next < ranges) {
      const [start, stop] = boundsOf(next++);
      await client.lrangeBuffer(key, start, stop);
    }
  });
  await Promise.all(readers);
  const elapsedMs = performance.now() - startedAt;
  client.disconnect();
  return elapsedMs / 1000;
}
