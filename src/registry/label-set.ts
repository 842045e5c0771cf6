import type { Definition } from "../sample/sample.ts";

/**
 * A label set as it stands in the text format between the braces: `a="1",b="2"`.
 *
 * `sorted`: names in order, which makes the text an identity: equal texts are equal label sets,
 * since quotes and backslashes in values are escaped. Otherwise names stand as they were sent.
 */
export function renderLabelSet(definition: Definition, sorted: boolean): string {
  const { labelNames, labelValues } = definition;
  if (labelNames.length === 0) return "";
  const order = labelNames.map((_, i) => i);
  if (sorted) order.sort((a, b) => (labelNames[a] < labelNames[b] ? -1 : 1));
  let text = "";
  for (const i of order) {
    if (text !== "") text += ",";
    text += `${labelNames[i]}="${escapeLabelValue(labelValues[i])}"`;
  }
  return text;
}

/** The same label set with its names in order; `labelSet` as `renderLabelSet` made it. */
export function sortLabelSet(labelSet: string): string {
  const pairs = labelSet.match(/[^,="]+="(?:[^"\\]|\\.)*"/g) ?? [];
  return pairs.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)).join(",");
}

function nameOf(pair: string): string {
  return pair.slice(0, pair.indexOf("="));
}

/** Source: Prometheus, "Exposition formats", text format: `\\`, `\"` and `\n` in label values. */
function escapeLabelValue(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
