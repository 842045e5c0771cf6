import { LabelScanner } from "../registry/label-scanner.ts";
import type { SeriesTexts } from "../registry/series-texts.ts";
import { viewOf } from "./chunk.ts";
import { escapeLabelName } from "./escaping.ts";
import type { EscapingScheme } from "./format.ts";

/** Label sets, one series after the other, as text whose names the escaping scheme allows. */
export class LabelCursor {
  /** Where the present one is: `length` bytes from `start` on, and at least seven follow. */
  view = viewOf(Buffer.alloc(0));
  start = 0;
  length = 0;
  #texts: SeriesTexts;
  #escaping: EscapingScheme;
  #scanner = new LabelScanner();
  #page: Buffer | undefined;
  #series = 0;

  constructor(texts: SeriesTexts, escaping: EscapingScheme) {
    this.#texts = texts;
    this.#escaping = escaping;
  }

  /** Goes to a series. Returns false when two of its names are one by the scheme. */
  moveTo(series: number): boolean {
    const texts = this.#texts;
    if (this.#escaping !== "allow-utf-8" && texts.hasQuoted(series)) return this.#escape(series);
    this.view = texts.viewOf(series);
    this.start = texts.startOf(series);
    this.length = texts.lengthOf(series);
    this.#series = series;
    this.#page = undefined;
    return true;
  }

  /** The bytes that `view` views. */
  get page(): Buffer {
    return this.#page ?? this.#texts.pageOf(this.#series);
  }

  #escape(series: number): boolean {
    const texts = this.#texts;
    const scanner = this.#scanner;
    scanner.begin(texts.pageOf(series), texts.startOf(series), texts.lengthOf(series));
    const names = new Set<string>();
    const pairs: string[] = [];
    while (scanner.next()) {
      const name = escapeLabelName(scanner.name(), this.#escaping);
      names.add(name);
      pairs.push(`${name}="${scanner.rawValue()}"`);
    }
    const text = pairs.join(",");
    this.length = Buffer.byteLength(text);
    this.start = 0;
    this.#page = Buffer.alloc(this.length + 8);
    this.#page.write(text);
    this.view = viewOf(this.#page);
    return names.size === pairs.length;
  }
}
