import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const TIMEOUT_MS = 15_000;

/** A page in a real Chromium, and all that went wrong in it. */
export interface Tab {
  page: Page;
  /**
   * Console errors and warnings (what the content security policy forbids is one), exceptions,
   * requests that failed, and those to another host.
   */
  faults: string[];
  close(): Promise<void>;
}

/** Debian's Chromium: `playwright-core` brings none along. */
export function startBrowser(): Promise<Browser> {
  const executablePath = Bun.which("chromium") ?? undefined;
  // The sandbox does not work for root, as whom the tests run in a container.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

export async function openTab(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({
    ...{ viewport: { width: 1280, height: 900 }, colorScheme: "light" },
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const faults: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("requestfailed", (request) => {
    const error = request.failure()?.errorText;
    // What is under way when another page is loaded is not waited for.
    if (error !== "net::ERR_ABORTED") faults.push(`${error}: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`);
  });
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    const isOurs = protocol === "data:" || host === new URL(url).host;
    if (!isOurs) faults.push(`another host: ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults, close: () => context.close() };
}

/** The status page, once it keeps itself up to date, if it may. */
export async function openStatus(
  browser: Browser,
  { url }: { url: string },
  query = "",
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const tab = await openTab(browser, `${url}/status${query}`, options);
  if (options.javaScriptEnabled !== false) await tab.page.locator(".fresh.is-live").waitFor();
  return tab;
}

/** What axe-core finds wrong, as `rule: element`. */
export async function findBarriers(page: Page): Promise<string[]> {
  // As the developer tools would: a script of its own the page's policy does not let in.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
}
