import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { findBarriers, openStatus, startBrowser, type Tab } from "../support/browser.ts";
import { type GatewayProcess, QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

let browser: Browser;
let redis: RedisServer;
let gateway: GatewayProcess;
const tabs: Tab[] = [];

const SERIES = 100_000;
const PHONE = { viewport: { width: 360, height: 780 } };
const DARK = { colorScheme: "dark" } as const;

/** What would run as a script if it were ever more than text. */
const HOSTILE = {
  name: '<script>window.hurt="name"</script>',
  help: `</script><svg onload="window.hurt='help'">`,
  label: '"><img src=x onerror="window.hurt=1">',
  value:
    "javascript:window.hurt='value'//</td></table><iframe srcdoc='<script>parent.hurt=1</script>'>",
  payload: `{"type":"<script>window.hurt='payload'</script>","name":"<!--<script>"}`,
};

beforeAll(async () => {
  [browser, redis] = await Promise.all([startBrowser(), startRedis()]);
  gateway = await startGateway(redis.port, [
    "--Metrics.NameValidation=utf8",
    "--Gateway.Id=under-test",
  ]);
  await push(redis, [
    ...Array.from({ length: 250 }, (_, i) => {
      const name = `family_${String(i).padStart(3, "0")}_total`;
      return { type: "counter", name, help: `Help ${i}.`, value: i };
    }),
    { type: "counter", name: HOSTILE.name, help: HOSTILE.help, value: 1 },
    { type: "gauge", name: "hostile", value: 1, labels: { [HOSTILE.label]: HOSTILE.value } },
    { type: "histogram", name: "took_seconds", unit: "seconds", buckets: [0.1, 1], value: 0.25 },
    { type: "summary", name: "size_bytes", quantiles: [0.5], epsilons: [0.01], value: 12 },
  ]);
  await redis.client.lpush(QUEUE_KEY, HOSTILE.payload);
  for (let from = 0; from < SERIES; from += 1000) {
    const shards = Array.from({ length: 1000 }, (_, i) => from + i);
    const many = shards.map((shard) => ({
      name: "many",
      type: "gauge",
      labels: { shard },
      value: shard,
    }));
    await redis.client.lpush(QUEUE_KEY, JSON.stringify(many));
  }
  await push(redis, [{ type: "gauge", name: "last", value: 1 }]);
  await until("all is applied", async () => (await gateway.value("last")) === 1);
});
afterAll(async () => {
  await browser.close();
  await gateway.stop();
  await redis.stop();
});
afterEach(async () => {
  for (const tab of tabs.splice(0)) await tab.close();
});

async function push(server: RedisServer, messages: object[]): Promise<void> {
  await server.client.lpush(QUEUE_KEY, ...messages.map((message) => JSON.stringify(message)));
}

async function open(query = "", options: BrowserContextOptions = {}): Promise<Tab> {
  const tab = await openStatus(browser, gateway, query, options);
  tabs.push(tab);
  return tab;
}

/** Names of the families that are listed, from the top. */
const familiesOf = ({ page }: Tab) =>
  page.locator("table.families [data-family]").allTextContents();

async function untilFirst(tab: Tab, name: string): Promise<void> {
  await until(`${name} comes first`, async () => (await familiesOf(tab))[0] === name);
}

/** All that is folded up. */
async function openAll(page: Page): Promise<void> {
  await page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
}

describe("the status page", () => {
  test("says whether the gateway keeps up, with five figures and their plots", async () => {
    const { page, faults } = await open();
    expect(await page.title()).toEndWith(" - under-test");
    const state = await page.locator("h1").textContent();
    expect(["Keeping up", "Keeping up, but dropping samples", "Ready, no samples come"]).toContain(
      state ?? "",
    );
    const figures = page.locator(".figure");
    expect(await figures.locator("h2").allTextContents()).toEqual(FIGURES);
    await until("all are drawn", async () => (await page.locator(".plot canvas").count()) === 5);
    expect(await figures.last().locator(".value").getAttribute("title")).toMatch(/^100,25\d$/);
    await page.locator(".plot").first().hover();
    const said = page.locator(".plot .said:visible");
    await until("each tells of the same time", async () => (await said.count()) === 5);
    const times = (await said.allInnerTexts()).map((text) => text.split(" at ")[1]);
    expect(new Set(times).size).toBe(1);
    for (const text of ["under-test", QUEUE_KEY, `localhost:${redis.port}`, "this process"]) {
      expect(await page.locator("body").innerText()).toContain(text);
    }
    expect(faults).toEqual([]);
  });

  test("shows the facts without JavaScript, and searches, sorts and opens by links", async () => {
    const tab = await open("", { javaScriptEnabled: false });
    const { page, faults } = tab;
    expect(await page.locator(".fresh").innerText()).toStartWith("As of this answer");
    expect(await page.locator(".figure .range").first().innerText()).toMatch(
      / in \d|for \d|no history/,
    );
    expect(await familiesOf(tab)).toHaveLength(100);
    await page.getByRole("link", { name: "Series", exact: true }).click();
    expect((await familiesOf(tab))[0]).toBe("many");
    await page.getByRole("searchbox").fill("Help 12.");
    await page.getByRole("button", { name: "Search" }).click();
    expect(await familiesOf(tab)).toEqual(["family_012_total"]);
    await page.getByRole("link", { name: "family_012_total" }).click();
    expect(await page.locator("table.series td").first().innerText()).toBe("12");
    expect(faults).toEqual([]);
  });

  test("shows what comes while it is open", async () => {
    const tab = await open("?sort=-samplesPerSecond&search=live");
    const { page, faults } = tab;
    expect(await familiesOf(tab)).toEqual([]);
    const before = await page.locator(".figure .value").first().innerText();
    const live = Array.from({ length: 500 }, (_, i) => {
      return { type: "counter", name: "live_total", value: 1, labels: { i: i % 7 } };
    });
    await push(redis, live);
    await untilFirst(tab, "live_total");
    await until("samples a second rise", async () => {
      return (await page.locator(".figure .value").first().innerText()) !== before;
    });
    await page.getByRole("link", { name: "live_total" }).click();
    await until(
      "its series are there",
      async () => (await page.locator("table.series tbody tr").count()) === 7,
    );
    await push(redis, [{ type: "counter", name: "live_total", value: 1000, labels: { i: 0 } }]);
    await page.getByText("1,072").waitFor();
    expect(faults).toEqual([]);
  });

  test("searches as one types, sorts, turns pages, and keeps it all in its address", async () => {
    const tab = await open();
    const { page, faults } = tab;
    await page.getByRole("link", { name: "Next" }).click();
    await untilFirst(tab, "family_099_total");
    await page.getByRole("link", { name: "Series", exact: true }).click();
    await untilFirst(tab, "many");
    expect(await page.locator("th[aria-sort]").getAttribute("aria-sort")).toBe("descending");
    await page.getByRole("searchbox").fill("family_00");
    await until("ten are left", async () => (await familiesOf(tab)).length === 10);
    await page.getByRole("link", { name: "Family", exact: true }).click();
    await page.getByRole("link", { name: "Family", exact: true }).click();
    await untilFirst(tab, "family_009_total");
    await page.getByRole("combobox").selectOption("gauge");
    await page.getByText("No family is like that.").waitFor();
    expect(new URL(page.url()).search).toBe("?search=family_00&type=gauge&sort=-name");
    await page.reload();
    await page.getByText("No family is like that.").waitFor();
    expect(await page.getByRole("searchbox").inputValue()).toBe("family_00");
    await page.goto(`${gateway.url}/status?sort=no&offset=-1&type=x`);
    expect((await familiesOf(tab)).length).toBe(100);
    expect(faults).toEqual([]);
  });

  test("opens a family of 100,000 series, a page at a time", async () => {
    const tab = await open("?sort=-series");
    const { page, faults } = tab;
    await page.getByRole("link", { name: "many", exact: true }).click();
    const rows = page.locator("table.series tbody tr");
    await until("a page is there", async () => (await rows.count()) === 100);
    await page.getByText("1 to 100 of 100,000").waitFor();
    await page.getByRole("navigation", { name: "Pages of series" }).getByText("Next").click();
    await page.getByText("101 to 200 of 100,000").waitFor();
    await page.getByRole("searchbox", { name: "Search the series of many" }).fill("99999");
    await until("one is left", async () => (await rows.count()) === 1);
    expect(await rows.innerText()).toContain("99,999");
    expect(await page.locator("*").count()).toBeLessThan(10_000);
    expect(faults).toEqual([]);
  });

  test("opens histograms and summaries with what they have", async () => {
    const { page, faults } = await open("?family=took_seconds&search=took");
    await page.getByText("3 buckets").click();
    expect(await page.locator(".parts").innerText()).toMatch(/0\.1\s+0\s+1\s+1\s+\+Inf\s+1/);
    await page.getByRole("searchbox", { name: /by name/ }).fill("size_bytes");
    await page.getByRole("link", { name: "size_bytes" }).click();
    await page.getByText("1 quantile").click();
    expect(await page.locator(".parts").innerText()).toMatch(/0\.5\s+12/);
    expect(faults).toEqual([]);
  });

  for (const [how, options] of [
    ["with JavaScript", {}],
    ["without JavaScript", { javaScriptEnabled: false }],
  ] as const) {
    test(`shows names, help, labels and payloads as text, whatever is in them, ${how}`, async () => {
      const all = [`?family=${encodeURIComponent(HOSTILE.name)}&search=script`, "?family=hostile"];
      let text = "";
      for (const query of all) {
        const { page, faults } = await open(query, options);
        await openAll(page);
        text += await page.locator("body").innerText();
        expect(await page.locator("img, iframe, svg[onload], #page script").count()).toBe(0);
        expect(await page.evaluate(() => "hurt" in window)).toBe(false);
        expect(faults).toEqual([]);
      }
      for (const each of Object.values(HOSTILE)) expect(text).toContain(each);
      expect(text).toContain("unknown_type");
    });
  }

  test("lets in nothing but its own files, and no script or style within", async () => {
    const answer = await fetch(`${gateway.url}/status`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    const html = await answer.text();
    expect(await findInline(html)).toEqual([]);
    const asset = /src="([^"]+)"/.exec(html)?.[1] ?? "";
    const script = await fetch(`${gateway.url}/${asset}`);
    expect(script.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    const etag = script.headers.get("etag") ?? "";
    const again = { headers: { "If-None-Match": etag } };
    expect((await fetch(`${gateway.url}/status/page.js`, again)).status).toBe(304);
    const other = await fetch(`${gateway.url}/status/page.js`);
    expect(other.headers.get("cache-control")).toBe("no-cache");
    expect(await other.bytes()).toEqual(await script.bytes());
  });

  for (const [how, query, options] of [
    ["light", "?search=script", {}],
    ["dark", "?search=family_00", DARK],
    ["light, with a family open", "?family=took_seconds&search=took", {}],
    [
      "dark, on a phone, with one of 100,000 series open",
      "?family=many&search=man",
      { ...PHONE, ...DARK },
    ],
    ["light, on a phone", "?search=family_00", PHONE],
  ] as const) {
    test(`is open to all who look or listen: ${how}`, async () => {
      const { page, faults } = await open(query, options);
      await openAll(page);
      expect(await findBarriers(page)).toEqual([]);
      expect(faults).toEqual([]);
    });
  }

  test("never scrolls sideways at 360 px, even with the longest names", async () => {
    for (const query of [
      "?family=hostile",
      "?family=many&search=many&sort=-series",
      "?search=script",
    ]) {
      const { page } = await open(query, PHONE);
      await openAll(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    }
  });

  test("is worked with the keyboard alone, and the focus is seen and kept", async () => {
    const tab = await open("?search=family_00");
    const { page } = tab;
    const focus = () => page.evaluate(() => document.activeElement?.textContent ?? "");
    await page.keyboard.press("Tab");
    expect(await focus()).toContain("Skip to the families");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("End");
    await page.keyboard.type("0");
    await until(
      "the search has it",
      async () => new URL(page.url()).search === "?search=family_000",
    );
    await page.keyboard.press("Backspace");
    for (let i = 0; i < 20 && !(await focus()).startsWith("Family"); i++)
      await page.keyboard.press("Tab");
    const outline = await page.evaluate(
      () => getComputedStyle(document.activeElement!).outlineStyle,
    );
    expect(outline).toBe("solid");
    await page.keyboard.press("Enter");
    await untilFirst(tab, "family_009_total");
    expect(await focus()).toStartWith("Family");
    // Safari has none yet: there a row that moves loses the focus.
    await page.evaluate(() => Reflect.deleteProperty(Element.prototype, "moveBefore"));
    while (!(await focus()).startsWith("family_005")) await page.keyboard.press("Tab");
    await page.goBack();
    await untilFirst(tab, "family_000_total");
    // Its row has moved.
    expect(await focus()).toBe("family_005_total");
  });

  test("holds still for who wants no motion", async () => {
    const animated = async (reducedMotion: "reduce" | "no-preference") => {
      const { page } = await open("", { reducedMotion });
      return page.evaluate(() => document.getAnimations().length);
    };
    expect(await animated("no-preference")).toBe(1);
    expect(await animated("reduce")).toBe(0);
  });
});

/** Scripts, styles and handlers that stand in the HTML itself. */
async function findInline(html: string): Promise<string[]> {
  const found: string[] = [];
  const rewriter = new HTMLRewriter().on("*", {
    element({ tagName, attributes }) {
      const all = new Map([...attributes].map(([name, value]) => [name, value] as const));
      const names = [...all.keys()];
      const isData = all.get("type") === "application/json";
      const isInline =
        tagName === "style" || (tagName === "script" && !names.includes("src") && !isData);
      const handler = names.find((name) => name === "style" || name.startsWith("on"));
      if (isInline || handler !== undefined) found.push(`${tagName} ${handler}`);
    },
  });
  await rewriter.transform(new Response(html)).text();
  return found;
}

const FIGURES = ["Samples", "Backlog", "Lag", "Dropped", "Series"];
