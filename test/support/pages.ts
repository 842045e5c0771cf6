import type { Settings } from "../../src/config/settings.ts";
import type { Format } from "../../src/exposition/format.ts";
import type {
  Pages,
  RefusalReason,
  RequestRefusalReason,
  WebListener,
  Writing,
} from "../../src/http/pages.ts";
import { serve, type WebServer } from "../../src/http/server.ts";

/** An exposition that counts how often it was ended. */
export interface CountedExposition extends Writing {
  ends: number;
}

export function expositionOf(
  chunks: Iterable<Uint8Array>,
  isValid = () => true,
): CountedExposition {
  const exposition = {
    ...{ chunks: chunks[Symbol.iterator](), isValid, ends: 0 },
    end: () => {
      exposition.ends++;
    },
  };
  return exposition;
}

/** A server whose pages a test makes, and what they were asked and told. */
export interface Served {
  server: WebServer;
  /** Of `/metrics`. */
  url: string;
  formats: Format[];
  refused: RefusalReason[];
  requestsRefused: RequestRefusalReason[];
  scrapedBytes: number[];
}

type Metrics = Pages["metrics"];

/** `metrics` is what a scrape shows; `limits`: none unless it says so. */
export function serveMetrics(
  metrics: Metrics,
  limits: Partial<Omit<Settings["web"], "listen">> = {},
  listener: WebListener = SILENT,
): Served {
  const formats: Format[] = [];
  const refused: RefusalReason[] = [];
  const requestsRefused: RequestRefusalReason[] = [];
  const scrapedBytes: number[] = [];
  const listen = { hostname: "127.0.0.1", port: 0 };
  const server = serve(
    {
      listen,
      ...{ maxScrapesInFlight: 0, scrapeTimeoutSeconds: 0, isAdminEnabled: false },
      idleTimeoutSeconds: 60,
      ...{ configFile: "", bearerTokenFile: "", publicPaths: [], maxFailedLogins: 0 },
      ...limits,
    },
    {
      metrics: (isWanted, format) => {
        formats.push(format);
        return metrics(isWanted, format);
      },
      totals: async () => ({ refusal: "there are none" }),
      families: async () => ({ refusal: "there are none" }),
      status: () => Promise.reject(new Error("there is none")),
      history: () => {
        throw new Error("there is none");
      },
      drops: () => [],
      settings: [],
      isAdminEnabled: false,
      removeSeries: async () => ({ refusal: "there are none" }),
      notReadyReason: () => undefined,
      isStandby: () => false,
      scraped: (_, bytes) => scrapedBytes.push(bytes),
      refused: (reason) => refused.push(reason),
      isBusy: () => true,
    },
    { ...listener, requestRefused: (reason) => requestsRefused.push(reason) },
  );
  return { server, url: `${server.url}metrics`, formats, refused, requestsRefused, scrapedBytes };
}

/** What each answer has that is no page. */
export const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Nobody to be told. */
export const SILENT: WebListener = {
  requestRefused: () => {},
  requestFailed: () => {},
  accessRefused: () => {},
  handshakeFailed: () => {},
  certificateRefused: () => {},
  certificateServed: () => {},
  webConfigReloaded: () => {},
  webConfigRefused: () => {},
};
