/** Scrapes one after the other until its input closes, and throws the bodies away. */
import { type RawScrape, scrapeRaw } from "../raw-scrape.ts";

const { url } = JSON.parse(process.argv[2]) as { url: string };
const scrapes: RawScrape[] = [];

void (async () => {
  for await (const _ of Bun.stdin.stream());
  console.log(JSON.stringify({ scrapes }));
  process.exit(0);
})();
for (;;) {
  const scrape = await scrapeRaw(url);
  scrapes.push(scrape);
}
