import { renderLabelSet } from "../registry/label-set.ts";
import type { Exemplar } from "../sample/sample.ts";
import { escapeLabelName } from "./escaping.ts";
import type { EscapingScheme } from "./format.ts";
import { formatValue } from "./number.ts";

/** Source: OpenMetrics 1.0, "Exemplars": of names and values together, in code points. */
const LENGTH_MAX = 128;

/**
 * An exemplar's labels as they are shown, `names` beside `values`; undefined when escaping makes two
 * names one, or all of them too long.
 */
export function exemplarLabels(
  { labelNames, labelValues }: Exemplar,
  escaping: EscapingScheme,
): { names: string[]; values: string[] } | undefined {
  const names = labelNames.map((name) => escapeLabelName(name, escaping));
  if (new Set(names).size < names.length) return undefined;
  const length = [...names, ...labelValues].reduce((sum, text) => sum + [...text].length, 0);
  return length > LENGTH_MAX ? undefined : { names, values: labelValues };
}

/** What follows a value: ` # {trace_id="1"} 0.5 1700000000.5`; empty when it cannot be shown. */
export function exemplarText(exemplar: Exemplar, escaping: EscapingScheme): string {
  const labels = exemplarLabels(exemplar, escaping);
  if (labels === undefined) return "";
  const { names: labelNames, values: labelValues } = labels;
  const pairs = renderLabelSet({ labelNames, labelValues }, false);
  const { value, timestampSeconds } = exemplar;
  const time = timestampSeconds === undefined ? "" : ` ${formatValue(timestampSeconds)}`;
  return ` # {${pairs}} ${formatValue(value)}${time}`;
}
