import type { Settings } from "../config/settings.ts";
import { type Ask, readAnswer } from "../page/facts.ts";
import type { Access } from "./access.ts";
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
import { GradualAnswers } from "./gradual-answer.ts";
import { inspect } from "./inspect.ts";
import type { Pages, RequestRefusalReason, WebListener } from "./pages.ts";
import { plain } from "./plain.ts";
import { Scrapes } from "./scrapes.ts";
import { ASSETS, showAsset, showPage } from "./status-page.ts";

export type Handler = (request: Request, url: URL) => Response | Promise<Response>;

/** Who answers which method of a path. GET answers HEAD too: the runtime leaves its body out. */
export type Route = Readonly<Partial<Record<"GET" | "POST" | "PUT" | "DELETE", Handler>>>;

/** All paths. */
export function routesOf(pages: Pages, web: Settings["web"]): ReadonlyMap<string, Route> {
  const scrapes = new Scrapes(pages, web);
  const answers = new GradualAnswers(pages, web.scrapeTimeoutSeconds);
  // What the page shows is what the API says, without a connection in between.
  const ask: Ask = async (path) => {
    const request = new Request(`http://localhost/${path}`);
    const answered = await route(routes, request, new URL(request.url));
    return readAnswer(await answered.json());
  };
  const routes = new Map<string, Route>([
    ["/", { GET: () => plain(200, "ok") }],
    ["/-/healthy", { GET: () => plain(200, "ok") }],
    ["/-/ready", { GET: (_, url) => ready(url, pages) }],
    ["/status", { GET: (_, url) => showPage(ask, url) }],
    [ASSETS.js.path, { GET: (request, url) => showAsset("js", request, url) }],
    [ASSETS.css.path, { GET: (request, url) => showAsset("css", request, url) }],
    ["/metrics", { GET: (request, url) => scrapes.answer(request, url) }],
    ["/api/v1/status", { GET: () => showStatus(pages) }],
    ["/api/v1/history", { GET: () => showHistory(pages) }],
    ["/api/v1/drops", { GET: () => showDrops(pages) }],
    ["/api/v1/settings", { GET: () => showSettings(pages) }],
    ["/api/v1/families", { GET: (request, url) => showFamilies(pages, answers, request, url) }],
    ["/api/v1/family", { GET: (_, url) => showFamily(pages, answers, url) }],
    [
      "/api/v1/series",
      {
        GET: (request, url) => showSeries(pages, answers, request, url),
        DELETE: (_, url) => removeSeries(pages, url),
      },
    ],
    ["/api/v1/admin/wipe", { PUT: () => removeAll(pages) }],
  ]);
  return routes;
}

/** What a request has to get past, and what is behind it. */
export interface Entrance {
  access: Pick<Access, "check">;
  routes: ReadonlyMap<string, Route>;
  listener: Pick<WebListener, "requestRefused" | "requestFailed">;
}

/** Answers a request by its path and method; 404 and 405 say what there is. What is refused is counted. */
export async function answer(
  { access, routes, listener }: Entrance,
  request: Request,
  address: string,
): Promise<Response> {
  const inspected = inspect(request);
  if ("refusal" in inspected) {
    const { reason, status, text, headers } = inspected.refusal;
    listener.requestRefused(reason);
    // What may come behind it is not read.
    return plain(status, text, { Connection: "close", ...headers });
  }
  const { url } = inspected;
  const refusal = await access.check(request, url.pathname, address);
  if (refusal !== undefined) return refusal;
  const response = await Promise.try(route, routes, request, url).catch((error) => {
    // Who has gone has no answer to come, which is no bug.
    if (!request.signal.aborted) listener.requestFailed(url.pathname, (error as Error).message);
    return plain(500, "internal error");
  });
  const reason = REASON_OF[response.status];
  if (reason !== undefined) listener.requestRefused(reason);
  return response;
}

/** What a route, or its absence, says by the status of an answer. */
const REASON_OF: Readonly<Record<number, RequestRefusalReason>> = {
  400: "bad_request",
  403: "admin_off",
  404: "not_found",
  405: "method_not_allowed",
};

function route(
  routes: ReadonlyMap<string, Route>,
  request: Request,
  url: URL,
): Response | Promise<Response> {
  const found = routes.get(url.pathname);
  if (found === undefined)
    return plain(404, "not found: try /status, /metrics, /api/v1/status, /-/ready or /");
  const method = request.method === "HEAD" ? "GET" : request.method;
  const handler = Object.entries(found).find(([name]) => name === method)?.[1];
  if (handler !== undefined) return handler(request, url);
  const allowed = Object.keys(found).flatMap((name) => (name === "GET" ? [name, "HEAD"] : [name]));
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
