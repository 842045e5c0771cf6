import type { Server } from "bun";
import { type ListenAddress, listenOn } from "../config/listen-address.ts";
import { TEXT_CONTENT_TYPE } from "../exposition/text.ts";

/** What the server shows. */
export interface Pages {
  /** `isWanted` tells which families; or why there is nothing to show for now. */
  metrics(isWanted: (family: string) => boolean): Promise<Exposition | { refusal: string }>;
  /** Why the gateway is not ready; undefined when it is. */
  notReadyReason(): string | undefined;
  /** Whether it is not ready because another process works, and it stands by. */
  isStandby(): boolean;
  scraped(seconds: number, bytes: number): void;
  /** Whether samples wait to be taken: then an answer leaves them most of the time. */
  isBusy(): boolean;
}

export interface Exposition {
  /** UTF-8; each ends with a line, and is the taker's. */
  chunks: Iterator<Uint8Array>;
  /** Whether what is in it may still be shown; asked before each chunk. */
  isValid(): boolean;
  /** Called when no more chunks are wanted. */
  end(): void;
}

/** When a scraper that was refused may come again. */
const RETRY_AFTER_SECONDS = 1;

/** Each answer in progress may hold on to values that have changed since. */
const ANSWERS_MAX = 16;

/** How long a large answer and the samples that wait take turns. */
const TURN_MS = { answer: 2, samples: 4 };

const IDLE_TIMEOUT_SECONDS = 60;

type Handler = (url: URL, method: string) => Response | Promise<Response>;

/** Starts the server; fails when the address cannot be listened on. */
export function serve(address: ListenAddress, pages: Pages): Server<undefined> {
  const answers = { count: 0 };
  const handlers = new Map<string, Handler>([
    ["/", () => plain(200, "ok")],
    ["/-/healthy", () => plain(200, "ok")],
    ["/-/ready", (url) => ready(url, pages)],
    ["/metrics", (url, method) => metrics(url, method, pages, answers)],
  ]);
  const fetch = (request: Request): Response | Promise<Response> => {
    const url = new URL(request.url);
    const handler = handlers.get(url.pathname);
    if (handler === undefined) return plain(404, "not found: try /metrics, /-/ready or /");
    if (request.method !== "GET" && request.method !== "HEAD") {
      return plain(405, "method not allowed: use GET or HEAD", { Allow: "GET, HEAD" });
    }
    return handler(url, request.method);
  };
  return listenOn(address, "Web.ListenAddress", (hostname) =>
    Bun.serve({
      hostname,
      port: address.port,
      fetch,
      error: () => plain(500, "internal error"),
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      development: false,
      // Without a word on it Bun shares the port with whoever has it already.
      reusePort: false,
    }),
  );
}

/** With `?standbyok=true` standing by is as good as working, for who wants a process to be of use. */
function ready(url: URL, pages: Pages): Response {
  const reason = pages.notReadyReason();
  if (reason === undefined) return plain(200, "ok");
  const isFine = pages.isStandby() && url.searchParams.get("standbyok") === "true";
  return plain(isFine ? 200 : 503, reason);
}

async function metrics(
  url: URL,
  method: string,
  pages: Pages,
  answers: { count: number },
): Promise<Response> {
  const headers = { "Content-Type": TEXT_CONTENT_TYPE };
  const startedAt = performance.now();
  const retryAfter = { "Retry-After": String(RETRY_AFTER_SECONDS) };
  const names = new Set(url.searchParams.getAll("name[]"));
  const exposition = await pages.metrics((family) => names.size === 0 || names.has(family));
  if ("refusal" in exposition) {
    return plain(503, exposition.refusal, retryAfter);
  }
  if (method === "HEAD") {
    exposition.end();
    return new Response(null, { headers });
  }
  if (answers.count >= ANSWERS_MAX) {
    exposition.end();
    return plain(503, `${answers.count} scrapes are being answered already`, retryAfter);
  }
  answers.count++;
  let isEnded = false;
  const end = () => {
    if (isEnded) return;
    isEnded = true;
    answers.count--;
    exposition.end();
  };
  let bytes = 0;
  let restedAt = startedAt;
  const body = new ReadableStream({
    // Asked for the next chunk only when the connection has taken the last one: a scraper that
    // is stuck holds up itself alone, and others run between two chunks.
    async pull(controller) {
      await new Promise(setImmediate);
      if (pages.isBusy() && performance.now() - restedAt > TURN_MS.answer) {
        await Bun.sleep(TURN_MS.samples);
        restedAt = performance.now();
      }
      if (!exposition.isValid()) {
        end();
        controller.error(new Error("the totals are no longer this process's to show"));
        return;
      }
      const next = nextOf(exposition.chunks, end);
      if (next.done) {
        end();
        pages.scraped((performance.now() - startedAt) / 1000, bytes);
        controller.close();
        return;
      }
      bytes += next.value.length;
      controller.enqueue(next.value);
    },
    cancel: end,
  });
  return new Response(body, { headers });
}

/** Should it fail, the stream does too, and nothing is left behind. */
function nextOf(chunks: Iterator<Uint8Array>, end: () => void): IteratorResult<Uint8Array> {
  try {
    return chunks.next();
  } catch (error) {
    end();
    throw error;
  }
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "Content-Type": "text/plain; charset=utf-8", ...headers },
  });
}
