import type { Server } from "bun";
import { listenOn } from "../config/listen-address.ts";
import type { Settings } from "../config/settings.ts";
import type { Pages } from "./pages.ts";
import { plain } from "./plain.ts";
import { answer, routesOf } from "./routes.ts";
import { Scrapes } from "./scrapes.ts";
import { secure } from "./secure.ts";

/** Starts the server; fails when the address cannot be listened on. */
export function serve(web: Settings["web"], pages: Pages): Server<undefined> {
  const routes = routesOf(pages, new Scrapes(pages, web));
  return listenOn(web.listen, "Web.ListenAddress", (hostname) =>
    Bun.serve({
      hostname,
      port: web.listen.port,
      fetch: async (request) => secure(await answer(routes, request, pages)),
      // Without it the runtime writes why a body was broken off to standard error.
      error: () => secure(plain(500, "internal error")),
      // Until a connection's first request has come whole the runtime has 10 s of its own.
      idleTimeout: web.idleTimeoutSeconds,
      development: false,
      // Without a word on it Bun shares the port with whoever has it already.
      reusePort: false,
    }),
  );
}
