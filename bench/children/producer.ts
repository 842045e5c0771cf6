/**
 * A sender at full speed: `LPUSH` of one sample a command, pipelined, until its input closes. It
 * keeps `OUTSTANDING` commands unanswered and pushes the mix over and over.
 */
import { encodePushes } from "../backlog.ts";
import { readMixFile } from "../mix.ts";

const { port, key, file } = JSON.parse(process.argv[2]) as {
  port: number;
  key: string;
  file: string;
};
const COMMANDS_A_WRITE = 200;
const OUTSTANDING = 1000;
const NEWLINE = "\n".charCodeAt(0);

const writes = encodePushes(readMixFile(file), key, COMMANDS_A_WRITE);
let nextWrite = 0;
let sent = 0;
let answered = 0;
/** What the socket did not take of the last write. */
let rest: Uint8Array = new Uint8Array(0);

const socket = await Bun.connect({
  hostname: "127.0.0.1",
  port,
  socket: {
    data: (_, bytes) => {
      for (const byte of bytes) if (byte === NEWLINE) answered++;
      pushMore();
    },
    drain: pushMore,
    close: () => process.exit(1),
  },
});
pushMore();
for await (const _ of Bun.stdin.stream());
console.log(JSON.stringify({ pushed: answered }));
process.exit(0);

function pushMore(): void {
  if (rest.length > 0) rest = rest.subarray(Math.max(0, socket.write(rest)));
  while (rest.length === 0 && sent - answered <= OUTSTANDING - COMMANDS_A_WRITE) {
    const bytes = writes[nextWrite++ % writes.length];
    sent += COMMANDS_A_WRITE;
    rest = bytes.subarray(Math.max(0, socket.write(bytes)));
  }
}
