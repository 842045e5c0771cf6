import {
  removeAll,
  removeSeries,
  showDrops,
  showHistory,
  showSeries,
  showSettings,
  showStatus,
} from "./api.ts";
import { showFamilies } from "./families-api.ts";
import { showFamily } from "./family-api.ts";
import type { Pages } from "./pages.ts";
import { plain } from "./plain.ts";
import type { Scrapes } from "./scrapes.ts";

export type Handler = (request: Request, url: URL) => Response | Promise<Response>;

/** Who answers which method of a path. GET answers HEAD too: the runtime leaves its body out. */
export type Route = Readonly<Partial<Record<"GET" | "POST" | "PUT" | "DELETE", Handler>>>;

/** All paths. */
export function routesOf(pages: Pages, scrapes: Scrapes): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ["/", { GET: () => plain(200, "ok") }],
    ["/-/healthy", { GET: () => plain(200, "ok") }],
    ["/-/ready", { GET: (_, url) => ready(url, pages) }],
    ["/metrics", { GET: (request, url) => scrapes.answer(request, url) }],
    ["/api/v1/status", { GET: () => showStatus(pages) }],
    ["/api/v1/history", { GET: () => showHistory(pages) }],
    ["/api/v1/drops", { GET: () => showDrops(pages) }],
    ["/api/v1/settings", { GET: () => showSettings(pages) }],
    ["/api/v1/families", { GET: (_, url) => showFamilies(pages, url) }],
    ["/api/v1/family", { GET: (_, url) => showFamily(pages, url) }],
    [
      "/api/v1/series",
      {
        GET: (_, url) => showSeries(pages, url),
        DELETE: (_, url) => removeSeries(pages, url),
      },
    ],
    ["/api/v1/admin/wipe", { PUT: () => removeAll(pages) }],
  ]);
}

/** Answers a request by its path and method; 404 and 405 say what there is. */
export function answer(
  routes: ReadonlyMap<string, Route>,
  request: Request,
): Response | Promise<Response> {
  const url = new URL(request.url);
  const route = routes.get(url.pathname);
  if (route === undefined)
    return plain(404, "not found: try /metrics, /api/v1/status, /-/ready or /");
  const method = request.method === "HEAD" ? "GET" : request.method;
  const handler = Object.entries(route).find(([name]) => name === method)?.[1];
  if (handler !== undefined) return handler(request, url);
  const allowed = Object.keys(route).flatMap((name) => (name === "GET" ? [name, "HEAD"] : [name]));
  const text = `method not allowed: use ${allowed.join(" or ")}`;
  return plain(405, text, { Allow: allowed.join(", ") });
}

/** With `?standbyok=true` standing by is as good as working, for who wants a process to be of use. */
function ready(url: URL, pages: Pages): Response {
  const reason = pages.notReadyReason();
  if (reason === undefined) return plain(200, "ok");
  const isFine = pages.isStandby() && url.searchParams.get("standbyok") === "true";
  return plain(isFine ? 200 : 503, reason);
}
