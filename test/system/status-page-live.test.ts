import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { findBarriers, openStatus, startBrowser, type Tab } from "../support/browser.ts";
import { type GatewayProcess, startEmbedded, startGateway } from "../support/gateway-process.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

let browser: Browser;
let redis: RedisServer;
let gateway: GatewayProcess;
const tabs: Tab[] = [];

const DARK = { colorScheme: "dark" } as const;

beforeAll(async () => {
  [browser, redis] = await Promise.all([startBrowser(), startRedis()]);
  gateway = await startGateway(redis.port);
});
afterAll(async () => {
  await browser.close();
  await gateway.stop();
  await redis.stop();
});
afterEach(async () => {
  for (const tab of tabs.splice(0)) await tab.close();
});

async function open(of: GatewayProcess, options: BrowserContextOptions = {}): Promise<Tab> {
  const tab = await openStatus(browser, of, "", options);
  tabs.push(tab);
  return tab;
}

describe("the status page, left open,", () => {
  test("asks for nothing while nobody sees it, and at once when somebody does", async () => {
    const { page } = await open(gateway);
    await page.clock.install();
    await page.reload();
    await page.locator(".fresh.is-live").waitFor();
    let asked = 0;
    page.on("request", () => asked++);
    await page.clock.fastForward(3000);
    await until("it asks", () => asked > 0);
    const see = (isSeen: boolean) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, !isSeen);
    await see(false);
    await page.waitForLoadState("networkidle");
    asked = 0;
    await page.clock.runFor(60_000);
    await page.waitForLoadState("networkidle");
    expect(asked).toBe(0);
    await see(true);
    await until("it asks again", () => asked > 0);
  });

  test("says it when the gateway does not answer, and goes on when it does", async () => {
    const flags = [
      `--Web.ListenAddress=127.0.0.1:${await freePort()}`,
      "--Redis.MetricQueueKey=mortal",
    ];
    const mortal = await startGateway(redis.port, flags);
    const { page } = await open(mortal);
    await mortal.stop();
    await page.getByText("The gateway does not answer").waitFor();
    expect(await page.title()).toStartWith("The gateway does not answer");
    expect(await findBarriers(page)).toEqual([]);
    const risen = await startGateway(redis.port, flags);
    await page.locator(".fresh.is-live").waitFor();
    expect(await page.locator("h1").innerText()).not.toBe("The gateway does not answer");
    await risen.stop();
  });

  test("says it when the gateway wants another login than it was loaded with", async () => {
    const { page } = await open(gateway);
    await page.route("**/api/v1/status", (asked) => asked.fulfill({ status: 401, body: "no" }));
    await page.getByText("The gateway wants a login").waitFor();
    await page.unroute("**/api/v1/status");
    await page.locator(".fresh.is-live").waitFor();
  });

  test("says that it stands by, who works, and that Redis is away", async () => {
    const own = await startRedis();
    const owner = await startGateway(own.port);
    await until("it is the owner", async () => (await fetch(`${owner.url}/-/ready`)).ok);
    const standby = await startGateway(own.port);
    const { page, faults } = await open(standby);
    await page.getByText("Standing by", { exact: true }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    expect(faults).toEqual([]);
    const { page: ownersPage } = await open(owner, DARK);
    await own.kill();
    await ownersPage.getByText("Redis is away", { exact: true }).waitFor();
    expect(await ownersPage.locator(".remedy").innerText()).toContain("Redis.ConnectionString");
    expect(await findBarriers(ownersPage)).toEqual([]);
    await Promise.all([owner.stop(), standby.stop(), own.stop()]);
  });

  test("warns with a shape, a word and colours that can be read", async () => {
    const { page, faults } = await open(gateway);
    for (const [title, level, headline] of [
      ["Keeping up, but dropping samples", "look", { droppedPerSecond: 3 }],
      ["Falling behind", "bad", { lagSeconds: 42, backlog: 5000 }],
    ] as const) {
      await page.route("**/api/v1/status", async (asked) => {
        const body = await (await asked.fetch()).json();
        Object.assign(body.data.headline, headline);
        await asked.fulfill({ json: body });
      });
      await page.getByText(title, { exact: true }).waitFor();
      expect(await page.locator(`.state.is-${level} > .icon`).count()).toBe(1);
      expect(await page.locator(".figure.is-look .worth").count()).toBe(1);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await findBarriers(page)).toEqual([]);
      }
    }
    expect(faults).toEqual([]);
  });

  test("shows an embedded queue", async () => {
    const embedded = await startEmbedded();
    const { page, faults } = await open(embedded);
    const queue = await page.locator("section[aria-labelledby=queue]").innerText();
    for (const text of [`127.0.0.1:${embedded.port}`, "Clients", "Buffer"]) {
      expect(queue).toContain(text);
    }
    expect(queue).toContain("held until this process ends");
    expect(await findBarriers(page)).toEqual([]);
    expect(faults).toEqual([]);
    await embedded.stop();
  });
});
