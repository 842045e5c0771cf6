import { fail, JSON_HEADERS } from "./json-answer.ts";
import type { Pages, Writing } from "./pages.ts";
import { NoLongerValid, Rendering } from "./rendering.ts";
import { Turns } from "./turns.ts";

/** A chunk of JSON is given out when it has this many characters. */
export const CHUNK_LENGTH = 64 * 1024;

/** Given out in between, it lets others run: what is looked at in vain takes time, too. */
export const NOTHING_YET = new Uint8Array(0);

/** More could fill the memory, taken by clients that never read: each holds on to what it shows. */
const IN_CHUNKS_MAX = 16;

/** Answers that take long to make, and leave others their time. */
export class GradualAnswers {
  readonly #pages: Pick<Pages, "isBusy">;
  readonly #timeoutSeconds: number;
  readonly #turns = new Turns();
  #inChunks = 0;

  /** `timeoutSeconds` is for answers in chunks, which are broken off then; 0: never. */
  constructor(pages: Pick<Pages, "isBusy">, timeoutSeconds: number) {
    this.#pages = pages;
    this.#timeoutSeconds = timeoutSeconds;
  }

  /**
   * Answers with chunks as they are made, as fast as the connection takes them. `signal` tells that nobody
   * waits for them any more, which cancels no body that was not asked for yet.
   */
  inChunks(writing: Writing, signal: AbortSignal): Response {
    if (this.#inChunks >= IN_CHUNKS_MAX || signal.aborted) {
      writing.end();
      return fail("unavailable", `${IN_CHUNKS_MAX} lists are being answered with already`);
    }
    this.#inChunks++;
    let timer: Timer | undefined;
    const end = () => {
      clearTimeout(timer);
      this.#inChunks--;
      writing.end();
    };
    const rendering = new Rendering({ ...writing, end }, this.#pages.isBusy);
    signal.addEventListener("abort", () => rendering.end());
    // Else clients that take a little now and then could keep all places. What is asked of it then fails.
    if (this.#timeoutSeconds > 0) {
      timer = setTimeout(() => rendering.end(), this.#timeoutSeconds * 1000);
    }
    return new Response(bodyOf(rendering), { headers: JSON_HEADERS });
  }

  /**
   * Answers with a page of something that takes long to look through, when its turn came: otherwise who
   * asks often enough could hold up the samples.
   */
  async inTurn(make: () => Promise<Response>): Promise<Response> {
    const refusal = "too many pages are asked for at once: ask again";
    return this.#turns.take(make) ?? fail("unavailable", refusal);
  }

  /** As `inChunks`, for what is small, once it is there: it may still turn out that it is not ours to show. */
  async whole(writing: Writing): Promise<Response> {
    const rendering = new Rendering(writing, this.#pages.isBusy);
    try {
      const bytes = await rendering.whole(Number.POSITIVE_INFINITY);
      return new Response(bytes as Uint8Array<ArrayBuffer>, { headers: JSON_HEADERS });
    } catch (error) {
      if (error instanceof NoLongerValid) return fail("unavailable", error.message);
      throw error;
    } finally {
      rendering.end();
    }
  }
}

/** However it ends, it gives back what it held. */
function bodyOf(rendering: Rendering): ReadableStream {
  return new ReadableStream({
    pull: async (controller) => {
      const bytes = await rendering.next().catch((error) => {
        rendering.end();
        throw error;
      });
      if (bytes !== undefined) controller.enqueue(bytes);
      else {
        rendering.end();
        controller.close();
      }
    },
    cancel: () => rendering.end(),
  });
}
