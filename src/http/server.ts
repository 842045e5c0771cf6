import { listenOn } from "../config/listen-address.ts";
import { SETTINGS, type Settings } from "../config/settings.ts";
import { Access } from "./access.ts";
import type { Pages, WebListener } from "./pages.ts";
import { plain } from "./plain.ts";
import { answer, routesOf } from "./routes.ts";
import { secure } from "./secure.ts";
import { BEHIND, TlsFront } from "./tls-front.ts";
import { WebWatch } from "./web-watch.ts";

/** The server at work. */
export interface WebServer {
  /** Where it serves. */
  url: URL;
  port: number;
  /** Answers what is being answered; with `force` all connections end at once. */
  stop(force?: boolean): Promise<void>;
}

/** Starts the server; fails when a file is wrong, or the address cannot be listened on. */
export function serve(web: Settings["web"], pages: Pages, listener: WebListener): WebServer {
  const routes = routesOf(pages, web);
  const watch = new WebWatch(web, listener);
  const access = new Access({
    files: () => watch.files,
    publicPaths: web.publicPaths,
    failedLoginsMax: web.maxFailedLogins,
    listener,
    nowMs: Date.now,
  });
  const entrance = { access, routes, listener };
  let front: TlsFront | undefined;
  const { tls } = watch.files;
  // Behind the front nobody else is to get in by the network.
  const listen = tls === undefined ? web.listen : { hostname: BEHIND, port: 0 };
  const dress = (response: Response): Response => {
    secure(response);
    for (const [name, value] of watch.files.headers) response.headers.set(name, value);
    return response;
  };
  const server = listenOn(listen, SETTINGS.listen.name, (hostname) =>
    Bun.serve({
      hostname,
      port: listen.port,
      fetch: async (request, self) => {
        const from = self.requestIP(request);
        const address = tls === undefined ? from?.address : from && front?.addressOf(from);
        if (!address) return dress(plain(403, "forbidden: not by the front"));
        return dress(await answer(entrance, request, address));
      },
      // Without it the runtime writes why a body was broken off to standard error.
      error: () => dress(plain(500, "internal error")),
      // Until a connection's first request has come whole the runtime has 10 s of its own.
      idleTimeout: web.idleTimeoutSeconds,
      development: false,
      // Without a word on it Bun shares the port with whoever has it already.
      reusePort: false,
    }),
  );
  if (tls !== undefined) {
    try {
      front = new TlsFront({
        listen: web.listen,
        setting: SETTINGS.listen.name,
        // It is there as long as the gateway runs, which the watch sees to.
        terms: () => watch.files.tls ?? tls,
        portBehind: server.port!,
        listener,
      });
    } catch (error) {
      void server.stop(true);
      throw error;
    }
  }
  const port = front?.port ?? server.port!;
  const url = new URL(server.url);
  url.protocol = front === undefined ? "http:" : "https:";
  url.port = String(port);
  return {
    url,
    port,
    stop: async (force = false) => {
      watch.stop();
      front?.stop(force);
      await server.stop(force);
    },
  };
}
