import { fail, JSON_HEADERS } from "./json-answer.ts";
import type { Pages } from "./pages.ts";
import { NoLongerValid, Rendering } from "./rendering.ts";
import { Turns } from "./turns.ts";

/** A chunk of JSON is given out when it has this many characters. */
export const CHUNK_LENGTH = 64 * 1024;

/** Given out in between, it lets others run: what is looked at in vain takes time, too. */
export const NOTHING_YET = new Uint8Array(0);

/** Something that is written piece by piece. */
export interface Writing {
  chunks: Iterator<Uint8Array>;
  /** Whether what is in it may still be shown. */
  isValid(): boolean;
  /** Called when it has ended, whichever way. */
  end(): void;
}

/** Answers with chunks as they are made. */
export function answerInChunks(writing: Writing, pages: Pages): Response {
  const rendering = new Rendering(writing, pages.isBusy);
  return new Response(
    new ReadableStream({
      pull: async (controller) => {
        const bytes = await rendering.next();
        if (bytes !== undefined) controller.enqueue(bytes);
        else {
          rendering.end();
          controller.close();
        }
      },
      cancel: () => rendering.end(),
    }),
    { headers: JSON_HEADERS },
  );
}

/**
 * Answers with a page of something that takes long to look through, when its turn came: otherwise who
 * asks often enough could hold up the samples.
 */
export async function answerInTurn(pages: Pages, make: () => Promise<Response>): Promise<Response> {
  let turns = turnsOf.get(pages);
  if (turns === undefined) {
    turns = new Turns();
    turnsOf.set(pages, turns);
  }
  return turns.take(make) ?? fail("unavailable", "too many pages are asked for at once: ask again");
}

const turnsOf = new WeakMap<Pages, Turns>();

/** As `answerInChunks`, for what is small, once it is there: it may still turn out that it is not ours to show. */
export async function answerWhole(writing: Writing, pages: Pages): Promise<Response> {
  const rendering = new Rendering(writing, pages.isBusy);
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
