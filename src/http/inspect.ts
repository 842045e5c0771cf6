import type { RequestRefusalReason } from "./pages.ts";

/** No route takes a body; who sends one all the same may be done with it, if it is small. */
const BODY_BYTES_MAX = 64 * 1024;

/** A name or address, and a port. One of two values has a comma between them. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+;=%-]*)(?::\d*)?$/i;

/** Stands for the host where a request may be without one: nothing here depends on it. */
const NO_HOST = "http://localhost";

/** A proxy's, whatever their target. */
const UNSERVED_METHODS = ["CONNECT", "TRACE"];
const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];
const OWN_SITES = ["same-origin", "none"];

/** Why no route is to see a request. */
export interface RequestRefusal {
  reason: RequestRefusalReason;
  status: number;
  text: string;
  headers?: Record<string, string>;
}

/**
 * What a request asks for, or why it is refused whatever that is. The runtime has refused already what is
 * no HTTP/1.1 or could be read in two ways: see test/system/http-hardening.test.ts.
 */
export function inspect(request: Request): { url: URL } | { refusal: RequestRefusal } {
  const { headers, method } = request;
  if (UNSERVED_METHODS.includes(method)) return { refusal: UNSERVED_METHOD };
  const url = urlOf(request);
  if (url === null) return { refusal: BAD_HOST };
  if (bodyBytesOf(headers) > BODY_BYTES_MAX) return { refusal: BODY_TOO_LARGE };
  if (!SAFE_METHODS.includes(method) && isCrossSite(headers)) return { refusal: CROSS_SITE };
  return { url };
}

/** Without a host, as HTTP/1.0 allows, and with one that is no part of a URL, there is a path only. */
function urlOf({ url, headers }: Request): URL | null {
  if (!HOST.test(headers.get("host") ?? "")) return null;
  return URL.parse(url.startsWith("/") ? NO_HOST + url : url);
}

/** One that comes in chunks may have any size. */
function bodyBytesOf(headers: Headers): number {
  if (headers.has("transfer-encoding")) return Number.POSITIVE_INFINITY;
  return Number(headers.get("content-length") ?? 0);
}

/**
 * Whether a page of another site made a browser send it. A program sends neither header.
 * Source: Fetch Metadata Request Headers, "Sec-Fetch-Site"; Go's `http.CrossOriginProtection`.
 */
function isCrossSite(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null) return !OWN_SITES.includes(site);
  const origin = headers.get("origin");
  return origin !== null && URL.parse(origin)?.host !== headers.get("host")?.toLowerCase();
}

const BAD_HOST: RequestRefusal = {
  reason: "bad_request",
  status: 400,
  text: "bad request: send one Host header with a name or address",
};
const UNSERVED_METHOD: RequestRefusal = {
  reason: "method_not_allowed",
  status: 405,
  text: "method not allowed: use GET or HEAD",
  headers: { Allow: "GET, HEAD" },
};
const BODY_TOO_LARGE: RequestRefusal = {
  reason: "body_too_large",
  status: 413,
  text: "body too large: no path takes one, leave it out",
};
const CROSS_SITE: RequestRefusal = {
  reason: "cross_site",
  status: 403,
  text: "forbidden: a page of another site made the browser send this",
};
