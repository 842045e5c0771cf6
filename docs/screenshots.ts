import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser } from "playwright-core";
import { openTab, startBrowser } from "../test/support/browser.ts";
import { type GatewayProcess, QUEUE_KEY, startGateway } from "../test/support/gateway-process.ts";
import { type RedisServer, startRedis } from "../test/support/redis-server.ts";
import { until } from "../test/support/until.ts";
import { makeShop } from "./shop.ts";

/**
 * Takes the pictures in `docs/images/` of the built gateway at work. Its plots show 15 minutes, so it
 * works that long first; `--minutes 1` is for a try, with `--folder` to put them elsewhere.
 */

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "15.5" },
    folder: { type: "string", default: join(import.meta.dir, "images") },
  },
});

/** A picture: what it is called, how large it is, and what is looked at. */
const PICTURES = [
  { name: "status-light", width: 1280, height: 940, scheme: "light", query: "" },
  { name: "status-dark", width: 1280, height: 940, scheme: "dark", query: "" },
  {
    name: "status-families-light",
    width: 1280,
    height: 940,
    scheme: "light",
    query: "?sort=-growth&family=checkout_duration_seconds",
  },
  { name: "status-phone-light", width: 390, height: 844, scheme: "light", query: "" },
  {
    name: "status-phone-dark",
    width: 390,
    height: 844,
    scheme: "dark",
    query: "?sort=-samplesPerSecond",
  },
] as const;

const PUSH_EVERY_MS = 100;

const [browser, redis] = await Promise.all([startBrowser(), startRedis()]);
const gateway = await startGateway(
  redis.port,
  ["--Gateway.Id=shop-eu-1", "--Metrics.MaxSeries=200000"],
  {
    Redis__MetricQueueWorkers: "2",
    Metrics__SeriesTtlSeconds: "86400",
  },
);
await work(redis, Number(flags.minutes) * 60_000, async () => {
  for (const picture of PICTURES) await take(browser, gateway, picture);
});
await browser.close();
await gateway.stop();
await redis.stop();

/** Pushes what a shop would, and takes the pictures at the end, while it goes on. */
async function work(server: RedisServer, forMs: number, atEnd: () => Promise<void>): Promise<void> {
  const shop = makeShop();
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const share = (performance.now() - startedAt) / forMs;
    void server.client.lpush(QUEUE_KEY, ...shop.next(Math.min(share, 1), PUSH_EVERY_MS / 1000));
  }, PUSH_EVERY_MS);
  await Bun.sleep(forMs);
  await atEnd();
  clearInterval(timer);
}

async function take(
  by: Browser,
  of: GatewayProcess,
  { name, width, height, scheme, query }: (typeof PICTURES)[number],
): Promise<void> {
  const { page, faults, close } = await openTab(by, `${of.url}/status${query}`, {
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: "reduce",
  });
  await until("it is drawn", async () => (await page.locator(".plot canvas").count()) === 5);
  if (query !== "") {
    await page.evaluate(() => {
      document.getElementById("families")?.scrollIntoView();
      document.querySelector<HTMLDetailsElement>("table.series details")?.setAttribute("open", "");
    });
  }
  await page.screenshot({ path: join(flags.folder, `${name}.png`) });
  for (const fault of faults) process.stderr.write(`screenshots: ${name}: ${fault}\n`);
  await close();
}
