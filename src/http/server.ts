import type { Server } from "bun";
import { listenOn } from "../config/listen-address.ts";
import type { Settings } from "../config/settings.ts";
import type { Pages } from "./pages.ts";
import { plain } from "./plain.ts";
import { answer, routesOf } from "./routes.ts";
import { Scrapes } from "./scrapes.ts";

const IDLE_TIMEOUT_SECONDS = 60;

/** Starts the server; fails when the address cannot be listened on. */
export function serve(web: Settings["web"], pages: Pages): Server<undefined> {
  const routes = routesOf(pages, new Scrapes(pages, web));
  return listenOn(web.listen, "Web.ListenAddress", (hostname) =>
    Bun.serve({
      hostname,
      port: web.listen.port,
      fetch: (request) => answer(routes, request),
      // Without it the runtime writes why a body was broken off to standard error.
      error: () => plain(500, "internal error"),
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      development: false,
      // Without a word on it Bun shares the port with whoever has it already.
      reusePort: false,
    }),
  );
}
