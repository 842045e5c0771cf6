import { hydrate, render } from "preact";
import { titleOf } from "../document-title.ts";
import { type Ask, askStatus, type Facts, gatherSlow, readAnswer } from "../facts.ts";
import { type Connection, Page, shownState } from "../page.tsx";
import { readView, type View } from "../view.ts";
import { followLinks } from "./links.ts";
import { drawPlots } from "./plots.ts";

/** Keeps the page that the server wrote up to date, for as long as somebody sees it. */

const POLL_MS = 2000;
/** Every other time all is asked for, not only the status. */
const SLOW_EVERY = 2;
const RETRY_MS_MAX = 30_000;
const TIMEOUT_MS = 10_000;
const COUNTDOWN_MS = 1000;

const root = document.getElementById("page") as HTMLElement;
let facts = JSON.parse(document.getElementById("facts")?.textContent ?? "") as Facts;
let view = readView(new URLSearchParams(location.search));
let connection: Connection = { kind: "still" };
/** Of what was asked for last: an answer to an earlier question comes too late. */
let asked = 0;
let wake = () => {};

/** Users or their passwords have changed since the page was loaded. */
class Refused extends Error {}

const ask: Ask = async (path) => {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status === 401) throw new Refused(path);
  return readAnswer(await response.json());
};

hydrate(<Page facts={facts} view={view} connection={connection} />, root);
followLinks(root, look);
document.addEventListener("visibilitychange", () => wake());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show());
connection = { kind: "live" };
show();
void keepUp();

async function keepUp(): Promise<void> {
  let failures = 0;
  let isRefused = false;
  let answeredAt = performance.now();
  for (let turn = 1; ; turn++) {
    await rest(failures, isRefused, answeredAt);
    try {
      const status = await askStatus(ask);
      // Another program needs another page.
      if (status.revision !== facts.status.revision) location.reload();
      facts = { ...facts, status };
      if (failures > 0 || turn % SLOW_EVERY === 0) await refresh();
      failures = 0;
      answeredAt = performance.now();
      connection = { kind: "live" };
      show();
    } catch (error) {
      failures++;
      isRefused = error instanceof Refused;
    }
  }
}

/** Until it is time to ask again, and there is somebody to see it. */
async function rest(failures: number, isRefused: boolean, answeredAt: number): Promise<void> {
  const dueAt =
    performance.now() + Math.min(POLL_MS * 2 ** Math.max(0, failures - 1), RETRY_MS_MAX);
  for (;;) {
    const now = performance.now();
    if (failures > 0) {
      const [forSeconds, nextInSeconds] = [now - answeredAt, Math.max(0, dueAt - now)].map((ms) =>
        Math.round(ms / 1000),
      );
      connection = { kind: "away", isRefused, forSeconds, nextInSeconds };
      show();
    }
    if (now >= dueAt && !document.hidden) return;
    const waitMs = failures > 0 ? Math.min(COUNTDOWN_MS, dueAt - now) : dueAt - now;
    await new Promise<void>((resolve) => {
      wake = resolve;
      // Nobody looks: the next thing to happen is that somebody does.
      if (!document.hidden) setTimeout(resolve, Math.max(0, waitMs));
    });
  }
}

/** Shows something else of the families: at once what is known of it, then what the gateway says. */
function look(next: View): void {
  if (next.family !== view.family) facts = { ...facts, family: null };
  view = next;
  show();
  // Where it fails, the next turn says so.
  refresh().then(show, () => {});
}

async function refresh(): Promise<void> {
  const mine = ++asked;
  const slow = await gatherSlow(ask, view, facts.status);
  if (mine === asked) facts = { ...facts, ...slow };
}

function show(): void {
  const focused = document.activeElement;
  render(<Page facts={facts} view={view} connection={connection} />, root);
  // Where a browser has no `moveBefore`, a row that moves takes the focus from what is in it.
  if (focused !== document.activeElement && focused instanceof HTMLElement && focused.isConnected) {
    focused.focus({ preventScroll: true });
  }
  const { title } = shownState({ facts, connection });
  document.title = titleOf(title, facts.status.gatewayId);
  if ("data" in facts.history) drawPlots(root, facts.history.data);
}
