import type { Settings } from "../config/settings.ts";
import type { Pages } from "./pages.ts";
import { refuse, Scrape } from "./scrape.ts";

/** In which Prometheus says how long it waits. */
const TIMEOUT_HEADER = "x-prometheus-scrape-timeout-seconds";

/** A timer that is to wait longer than that does not wait at all. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Answers scrapes: so many at a time, since each may hold on to values that have changed since. */
export class Scrapes {
  readonly #pages: Pages;
  readonly #limits: Settings["web"];
  #inFlight = 0;

  constructor(pages: Pages, limits: Settings["web"]) {
    this.#pages = pages;
    this.#limits = limits;
  }

  async answer(request: Request, url: URL): Promise<Response> {
    const { maxScrapesInFlight, scrapeTimeoutSeconds } = this.#limits;
    const inFlight = this.#inFlight;
    if (maxScrapesInFlight > 0 && inFlight >= maxScrapesInFlight) {
      return refuse(this.#pages, "in_flight", `${inFlight} scrapes are being answered already`);
    }
    this.#inFlight++;
    const scrape = new Scrape(this.#pages, () => this.#inFlight--);
    const names = new Set(url.searchParams.getAll("name[]"));
    const isWanted = (family: string) => names.size === 0 || names.has(family);
    const timeoutMs = timeoutMsOf(request.headers.get(TIMEOUT_HEADER), scrapeTimeoutSeconds);
    return scrape.answer(request, isWanted, timeoutMs);
  }
}

/** The shorter of what a scraper says and what is set; 0: not set. What is no time is ignored. */
export function timeoutMsOf(header: string | null, setSeconds: number): number | undefined {
  const saidSeconds = /^\d+(?:\.\d+)?$/.test(header ?? "") ? Number(header) : 0;
  const seconds = Math.min(...[saidSeconds, setSeconds].filter((time) => time > 0));
  return Number.isFinite(seconds) ? Math.min(seconds * 1000, TIMER_MS_MAX) : undefined;
}
