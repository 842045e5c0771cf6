import { escapeWithUnderscores } from "../sample/names.ts";
import type { Definition } from "../sample/sample.ts";

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
  return renderLabelSet({ labelNames: labelNames.map(escapeWithUnderscores), labelValues }, true);
}

/** The label set of a text that `renderLabelSet` made. */
export function parseLabelSet(text: string): LabelSet {
  const set: LabelSet = { labelNames: [], labelValues: [] };
  for (const [, quoted, bare, value] of text.matchAll(PAIR)) {
    set.labelNames.push(quoted === undefined ? bare : unescapeText(quoted));
    set.labelValues.push(unescapeText(value));
  }
  return set;
}

export type LabelSet = Pick<Definition, "labelNames" | "labelValues">;

const PAIR = /(?:"((?:[^"\\]|\\.)*)"|([^,="]+))="((?:[^"\\]|\\.)*)"/g;
const LEGACY_LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function renderPair(name: string, value: string): string {
  const shown = LEGACY_LABEL_NAME.test(name) ? name : `"${escapeText(name)}"`;
  return `${shown}="${escapeText(value)}"`;
}

/** Source: Prometheus, "Exposition formats", text format: `\\`, `\"` and `\n` in label values. */
function escapeText(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function unescapeText(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}
