/**
 * What `redis-benchmark -c 20 -P 16` does, with real samples: some clients, each of which sends
 * some `LPUSH` at a time and waits for all replies. Reports when it began and ended, in ms since 1970.
 */
import { encodePushes } from "../backlog.ts";
import { readMixFile } from "../mix.ts";

const { port, key, file, clients, pipeline, count } = JSON.parse(process.argv[2]) as {
  port: number;
  key: string;
  file: string;
  clients: number;
  pipeline: number;
  count: number;
};
const NEWLINE = "\n".charCodeAt(0);

const writes = encodePushes(readMixFile(file), key, pipeline);
let nextWrite = 0;
let left = count / pipeline;
let open = clients;
const { promise: done, resolve } = Promise.withResolvers<void>();
const sockets = await Promise.all(Array.from({ length: clients }, () => connect()));
const startedAt = performance.timeOrigin + performance.now();
for (const socket of sockets) sendMore(socket);
await done;
const endedAt = performance.timeOrigin + performance.now();
console.log(JSON.stringify({ startedAt, endedAt }));
process.exit(0);

function connect() {
  return Bun.connect<{ answered: number; rest: Uint8Array }>({
    hostname: "127.0.0.1",
    port,
    data: { answered: 0, rest: new Uint8Array(0) },
    socket: {
      data: (socket, bytes) => {
        for (let i = bytes.indexOf(NEWLINE); i >= 0; i = bytes.indexOf(NEWLINE, i + 1)) {
          socket.data.answered++;
        }
        if (bytes[0] === "-".charCodeAt(0)) throw new Error(bytes.toString());
        if (socket.data.answered < pipeline) return;
        socket.data.answered -= pipeline;
        sendMore(socket);
      },
      drain: (socket) => flush(socket, socket.data.rest),
      close: () => process.exit(1),
    },
  });
}

function sendMore(socket: Bun.Socket<{ answered: number; rest: Uint8Array }>): void {
  if (left-- > 0) flush(socket, writes[nextWrite++ % writes.length]);
  else if (--open === 0) resolve();
}

function flush(socket: Bun.Socket<{ rest: Uint8Array }>, bytes: Uint8Array): void {
  socket.data.rest = bytes.subarray(Math.max(0, socket.write(bytes)));
}
