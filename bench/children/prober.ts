/**
 * Looks from outside how long the main thread of a gateway is busy: asks for `/` on one connection,
 * a millisecond after each answer, until its input closes. The longest answer bounds the longest
 * pause of the event loop from above: scheduling of both processes is in it.
 */
const { url } = JSON.parse(process.argv[2]) as { url: string };
const PAUSE_MS = 1;

const { hostname, port } = new URL(url);
const times: number[] = [];
let answer = Promise.withResolvers<void>();
const socket = await Bun.connect({
  hostname,
  port: Number(port),
  socket: {
    data: () => answer.resolve(),
    close: () => answer.reject(new Error("the gateway closed the connection")),
  },
});
let isStopped = false;
void (async () => {
  for await (const _ of Bun.stdin.stream());
  isStopped = true;
})();
while (!isStopped) {
  answer = Promise.withResolvers();
  const startedAt = performance.now();
  socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await answer.promise;
  times.push(performance.now() - startedAt);
  await Bun.sleep(PAUSE_MS);
}
times.sort((a, b) => a - b);
const at = (share: number) => times[Math.floor((times.length - 1) * share)];
console.log(JSON.stringify({ probes: times.length, medianMs: at(0.5), longestMs: at(1) }));
process.exit(0);

export {};
