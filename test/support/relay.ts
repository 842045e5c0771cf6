/** Stands between a scraper and a gateway, and notes what both say of the exposition. */
export interface Relay {
  /** `host:port`, as a target. */
  target: string;
  /** Each scrape that has been answered. */
  scrapes: RelayedScrape[];
  stop(): Promise<void>;
}

export interface RelayedScrape {
  /** As the scraper sent them. */
  asked: Headers;
  status: number;
  answered: Headers;
}

/**
 * Gives the bytes on as they are. `accept`: what is asked for in the scraper's place, when that has no
 * setting for it.
 */
export function startRelay(gatewayUrl: string, accept?: string): Relay {
  const scrapes: RelayedScrape[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const headers = new Headers(request.headers);
      headers.delete("Host");
      if (accept !== undefined) headers.set("Accept", accept);
      const { pathname, search } = new URL(request.url);
      const url = gatewayUrl + pathname + search;
      const response = await fetch(url, { headers, decompress: false });
      const { status } = response;
      const body = await response.bytes();
      scrapes.push({ asked: request.headers, status, answered: response.headers });
      const given = new Headers(response.headers);
      // It is known how long the whole is.
      given.delete("Transfer-Encoding");
      return new Response(body, { status, headers: given });
    },
  });
  return {
    target: `127.0.0.1:${server.port}`,
    scrapes,
    stop: () => server.stop(true),
  };
}
