import { escapeWithUnderscores, isLegacyName } from "../sample/names.ts";
import type { Definition } from "../sample/sample.ts";
import { escapeQuoted } from "./escapes.ts";
import { LabelScanner } from "./label-scanner.ts";

/**
 * A label set as it stands in the text format between the braces: `a="1",b="2"`. A name that the
 * legacy rule does not allow stands in quotes: `"b.c"="2"`.
 *
 * `sorted`: names in order. Otherwise they stand as they were sent.
 */
export function renderLabelSet({ labelNames, labelValues }: LabelSet, sorted: boolean): string {
  const order = labelNames.map((_, i) => i);
  if (sorted) order.sort((a, b) => (labelNames[a] < labelNames[b] ? -1 : 1));
  return order.map((i) => renderPair(labelNames[i], labelValues[i])).join(",");
}

/**
 * What tells a label set from all others: names in order, as scrapers see them that know legacy names
 * only. To them two sets that differ in nothing else would be one series twice.
 */
export function identityOf({ labelNames, labelValues }: LabelSet): string {
  return renderLabelSet(
    { labelNames: labelNames.map((name) => escapeWithUnderscores(name, "label")), labelValues },
    true,
  );
}

/** Reads what `renderLabelSet` made: UTF-8, `length` bytes from `start` on. */
export function readLabelSet(bytes: Uint8Array, start: number, length: number): LabelSet {
  const set: LabelSet = { labelNames: [], labelValues: [] };
  const scanner = new LabelScanner();
  scanner.begin(bytes, start, length);
  while (scanner.next()) {
    set.labelNames.push(scanner.name());
    set.labelValues.push(scanner.value());
  }
  return set;
}

export type LabelSet = Pick<Definition, "labelNames" | "labelValues">;

function renderPair(name: string, value: string): string {
  const shown = isLegacyName(name, "label") ? name : `"${escapeQuoted(name)}"`;
  return `${shown}="${escapeQuoted(value)}"`;
}
