export interface RawScrape {
  seconds: number;
  bytes: number;
}

/** A scrape that throws the body away as it comes: the client costs as little as it can. */
export async function scrapeRaw(url: string): Promise<RawScrape> {
  const { hostname, port } = new URL(url);
  const done = Promise.withResolvers<void>();
  const startedAt = performance.now();
  let bytes = 0;
  let status = "";
  await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) => {
        socket.write(`GET /metrics HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
      },
      data: (_, chunk) => {
        if (bytes === 0) status = chunk.toString("latin1", 0, 12);
        bytes += chunk.length;
      },
      close: () => done.resolve(),
      error: (_, error) => done.reject(error),
    },
  });
  await done.promise;
  if (status !== "HTTP/1.1 200") throw new Error(`bench: a scrape was answered "${status}"`);
  return { seconds: (performance.now() - startedAt) / 1000, bytes };
}
