import { isLegacyName } from "../sample/names.ts";
import { type Chunk, type PaddedText, paddedText } from "./chunk.ts";
import { quoteMetricName } from "./escaping.ts";
import type { LabelCursor } from "./label-cursor.ts";

/** Writes a line of the present series up to its value: `name{labels} `. */
export function plainStart(name: string, labels: LabelCursor, writer: Chunk): () => void {
  const { bare, open } = startsOf(name);
  return () => {
    const { length } = labels;
    if (length === 0) {
      writer.copy(bare.view, 0, bare.length);
      return;
    }
    writer.copy(open.view, 0, open.length);
    writer.copy(labels.view, labels.start, length);
    writer.copy(CLOSE.view, 0, CLOSE.length);
  };
}

/** The same with one label more: `name{labels,` and then `end`, as `labelEnd` makes it. */
export function startWithLabel(
  name: string,
  labels: LabelCursor,
  writer: Chunk,
): (end: PaddedText) => void {
  const { open } = startsOf(name);
  return (end) => {
    writer.copy(open.view, 0, open.length);
    const { length } = labels;
    if (length > 0) {
      writer.copy(labels.view, labels.start, length);
      writer.copy(COMMA.view, 0, COMMA.length);
    }
    writer.copy(end.view, 0, end.length);
  };
}

/** As in `le="0.5"} `. */
export function labelEnd(name: string, value: string): PaddedText {
  return paddedText(`${name}="${value}"} `);
}

/** A name that is no legacy one stands between the braces: `{"my.metric",labels} `. */
function startsOf(name: string): { bare: PaddedText; open: PaddedText } {
  if (isLegacyName(name, "metric"))
    return { bare: paddedText(`${name} `), open: paddedText(`${name}{`) };
  const quoted = quoteMetricName(name);
  return { bare: paddedText(`{${quoted}} `), open: paddedText(`{${quoted},`) };
}

const CLOSE = paddedText("} ");
const COMMA = paddedText(",");
