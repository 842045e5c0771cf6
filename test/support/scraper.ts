/** A scraper at work, and what it saw that must not be. */
export interface Scraper {
  /** Answers that showed totals. */
  scrapes(): number;
  /** Ends it, and gives what it saw go back: empty when all was well. */
  stop(): Promise<string[]>;
}

const PAUSE_MS = 5;

/**
 * Scrapes without pause, whoever serves at `urls()` now, and remembers the greatest value of each
 * line of `truth_...` families: none of them may ever be less again, in any answer, nor be missing
 * from one that shows totals. A gateway that does not answer, or refuses, is fine.
 */
export function startScraper(urls: () => readonly string[]): Scraper {
  const greatest = new Map<string, number>();
  const faults: string[] = [];
  let scrapes = 0;
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) {
      for (const url of urls()) {
        // What is known before the question is asked must be in its answer.
        const known = new Map(greatest);
        const text = await scrape(url);
        if (text === undefined) continue;
        const shown = linesOf(text);
        if (shown.size === 0) continue;
        scrapes++;
        for (const [line, value] of known) {
          const now = shown.get(line);
          if (now === undefined) faults.push(`${line} is gone at ${url}`);
          else if (now < value) faults.push(`${line} went from ${value} to ${now} at ${url}`);
        }
        for (const [line, value] of shown) {
          greatest.set(line, Math.max(value, greatest.get(line) ?? value));
        }
      }
      await Bun.sleep(PAUSE_MS);
    }
  })();
  return {
    scrapes: () => scrapes,
    stop: async () => {
      isStopped = true;
      await running;
      return faults;
    },
  };
}

async function scrape(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2000) });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}

/** Quantiles go up and down, all else only up: the gauge counts. */
function linesOf(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  for (const [, line, value] of text.matchAll(/^(truth_\S+) (\S+)$/gm)) {
    if (!line.includes("quantile=")) lines.set(line, Number(value));
  }
  return lines;
}
