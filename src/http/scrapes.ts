import type { Settings } from "../config/settings.ts";
import { ALL_FAMILIES } from "../registry/snapshot.ts";
import type { Pages } from "./pages.ts";
import { refuse, Scrape } from "./scrape.ts";

/** In which Prometheus says how long it waits. */
const TIMEOUT_HEADER = "x-prometheus-scrape-timeout-seconds";

/** A timer that is to wait longer than that does not wait at all. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A scraper that takes nothing for so long loses its place to one that finds none. */
const STUCK_MS = 5000;

/** Answers scrapes: so many at a time, since each may hold on to values that have changed since. */
export class Scrapes {
  readonly #pages: Pages;
  readonly #limits: Settings["web"];
  readonly #inFlight = new Set<Scrape>();

  constructor(pages: Pages, limits: Settings["web"]) {
    this.#pages = pages;
    this.#limits = limits;
  }

  async answer(request: Request, url: URL): Promise<Response> {
    const { maxScrapesInFlight, scrapeTimeoutSeconds } = this.#limits;
    const inFlight = this.#inFlight.size;
    if (maxScrapesInFlight > 0 && inFlight >= maxScrapesInFlight && !this.#breakOffStuck()) {
      return refuse(this.#pages, "in_flight", `${inFlight} scrapes are being answered already`);
    }
    const scrape = new Scrape(this.#pages, () => this.#inFlight.delete(scrape));
    this.#inFlight.add(scrape);
    const names = new Set(url.searchParams.getAll("name[]"));
    const isWanted = names.size === 0 ? ALL_FAMILIES : (family: string) => names.has(family);
    const timeoutMs = timeoutMsOf(request.headers.get(TIMEOUT_HEADER), scrapeTimeoutSeconds);
    return scrape.answer(request, isWanted, timeoutMs);
  }

  /** Else some that take nothing would keep all others out. Whether one was. */
  #breakOffStuck(): boolean {
    const now = performance.now();
    for (const scrape of this.#inFlight) {
      if (now - scrape.givenAt < STUCK_MS) continue;
      scrape.breakOff("stuck", `nothing was taken for ${STUCK_MS / 1000} s`);
      return true;
    }
    return false;
  }
}

/** The shorter of what a scraper says and what is set; 0: not set. What is no time is ignored. */
export function timeoutMsOf(header: string | null, setSeconds: number): number | undefined {
  const saidSeconds = /^\d+(?:\.\d+)?$/.test(header ?? "") ? Number(header) : 0;
  const seconds = Math.min(...[saidSeconds, setSeconds].filter((time) => time > 0));
  return Number.isFinite(seconds) ? Math.min(seconds * 1000, TIMER_MS_MAX) : undefined;
}
