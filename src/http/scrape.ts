import { contentTypeOf } from "../exposition/format.ts";
import type { ByteSource } from "./byte-source.ts";
import { Compression } from "./compression.ts";
import { negotiateEncoding, negotiateFormat } from "./negotiate.ts";
import type { Pages, RefusalReason } from "./pages.ts";
import { plain } from "./plain.ts";
import { NoLongerValid, Rendering } from "./rendering.ts";

/** What a TCP packet on Ethernet holds beside the headers: nothing is won by making it less. */
const PACKET_BODY_LENGTH = 1460 - 560;

/** When a scraper that was refused may come again. */
const RETRY_AFTER_SECONDS = 1;

/** One scrape, from the request to the last byte that the connection has taken. */
export class Scrape {
  readonly #pages: Pages;
  readonly #onEnd: () => void;
  readonly #startedAt = performance.now();
  #source: ByteSource | undefined;
  #controller: ReadableStreamDefaultController | undefined;
  #timer: Timer | undefined;
  #isEnded = false;
  /** When the connection was given what it has not taken yet, of `performance.now()`; else never. */
  givenAt = Number.POSITIVE_INFINITY;

  /** `onEnd` is called once, however it ends. */
  constructor(pages: Pages, onEnd: () => void) {
    this.#pages = pages;
    this.#onEnd = onEnd;
  }

  /**
   * The answer. After `timeoutMs`, unless that is undefined, it is a refusal, or is broken off if it
   * has begun. A scraper that goes away before that has nobody to ask for a body, nor to cancel one.
   */
  answer(
    { headers, signal }: Request,
    isWanted: (family: string) => boolean,
    timeoutMs: number | undefined,
  ): Promise<Response> {
    signal.addEventListener("abort", () => this.#end());
    const answer = this.#begin(headers, isWanted);
    if (timeoutMs === undefined) return answer;
    const refusal = Promise.withResolvers<Response>();
    this.#timer = setTimeout(() => {
      const reason = `not answered within ${timeoutMs / 1000} s`;
      refusal.resolve(this.breakOff("timeout", reason));
    }, timeoutMs);
    return Promise.race([answer, refusal.promise]);
  }

  /** Ends an answer that has begun in the middle. What to say if it has not. */
  breakOff(reason: RefusalReason, text: string): Response {
    const refusal = this.#refuse(reason, text);
    this.#controller?.error(new Error(text));
    return refusal;
  }

  async #begin(headers: Headers, isWanted: (family: string) => boolean): Promise<Response> {
    try {
      return await this.#respond(headers, isWanted);
    } catch (error) {
      if (error instanceof NoLongerValid) return this.#refuse("not_ready", error.message);
      this.#end();
      throw error;
    }
  }

  async #respond(headers: Headers, isWanted: (family: string) => boolean): Promise<Response> {
    const format = negotiateFormat(headers.get("accept"));
    const exposition = await this.#pages.metrics(isWanted, format);
    if (this.#isEnded) {
      if ("chunks" in exposition) exposition.end();
      throw new Error("nobody waits for the answer any more");
    }
    if ("refusal" in exposition) return this.#refuse("not_ready", exposition.refusal);
    const rendering = new Rendering(exposition, this.#pages.isBusy);
    this.#source = rendering;
    const answerHeaders: Record<string, string> = {
      "Content-Type": contentTypeOf(format),
      Vary: "Accept, Accept-Encoding",
    };
    const whole = await rendering.whole(PACKET_BODY_LENGTH);
    if (whole !== undefined) {
      this.#succeed(rendering);
      return new Response(whole as Uint8Array<ArrayBuffer>, { headers: answerHeaders });
    }
    const encoding = negotiateEncoding(headers.get("accept-encoding"));
    if (encoding !== "identity") {
      this.#source = new Compression(rendering, encoding);
      answerHeaders["Content-Encoding"] = encoding;
    }
    return new Response(this.#bodyOf(this.#source, rendering), { headers: answerHeaders });
  }

  /** Asks for bytes only when the connection has taken the last ones: who is stuck is so alone. */
  #bodyOf(source: ByteSource, rendering: Rendering): ReadableStream {
    return new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: async (controller) => {
        this.givenAt = Number.POSITIVE_INFINITY;
        const bytes = await this.#nextOf(source);
        if (this.#isEnded) return;
        if (bytes !== undefined) {
          this.givenAt = performance.now();
          controller.enqueue(bytes);
          return;
        }
        this.#succeed(rendering);
        controller.close();
      },
      // So it ends for HEAD too, of which the runtime takes the headers only.
      cancel: () => this.#end(),
    });
  }

  /** Should it fail, the stream does too: no scraper takes a part for the whole. */
  async #nextOf(source: ByteSource): Promise<Uint8Array | undefined> {
    try {
      return await source.next();
    } catch (error) {
      if (error instanceof NoLongerValid) this.#pages.refused("not_ready");
      this.#end();
      throw error;
    }
  }

  #succeed(rendering: Rendering): void {
    this.#end();
    this.#pages.scraped((performance.now() - this.#startedAt) / 1000, rendering.bytes);
  }

  #refuse(reason: RefusalReason, text: string): Response {
    this.#end();
    return refuse(this.#pages, reason, text);
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#source?.end();
    this.#onEnd();
  }
}

/** Counts and answers a scrape for which there is nothing, or no room, for now. */
export function refuse(pages: Pages, reason: RefusalReason, text: string): Response {
  pages.refused(reason);
  return plain(503, text, { "Retry-After": String(RETRY_AFTER_SECONDS) });
}
