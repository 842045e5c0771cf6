import type { FamilyEntry } from "../config/family-entries.ts";
import { isRuleLabel, type RelabelRule } from "../config/relabel-rules.ts";
import { type DecodeLimits, limitFault } from "./decode.ts";
import type { DropReason } from "./drop-reason.ts";
import { applyFamilyDefaults, compileFamilies } from "./family-defaults.ts";
import {
  areDistinctWhenEscaped,
  escapeWithUnderscores,
  isLabelName,
  isMetricName,
} from "./names.ts";
import { type CompiledRule, compileRules, LabelBuilder, NAME_LABEL, relabel } from "./relabel.ts";
import type { Definition } from "./sample.ts";

/** What the operator wants done with what senders say. Plain data: it crosses threads. */
export interface Shaping {
  relabel: readonly RelabelRule[];
  families: readonly FamilyEntry[];
}

/** Gives the definition to use in the place of the one that was sent, or why the sample is dropped. */
export type Shape = (definition: Definition) => Definition | DropReason;

/**
 * Makes the shape that relabels, and then gives what the family's defaults have; undefined where there
 * is nothing to do. It depends on the definition alone, so it is asked once a template. It changes no
 * definition in place, and what it gives is as valid as what a message may say.
 */
export function makeShape(shaping: Shaping, limits: DecodeLimits): Shape | undefined {
  if (shaping.relabel.length === 0 && shaping.families.length === 0) return undefined;
  const rules = compileRules(shaping.relabel);
  const families = compileFamilies(shaping.families);
  return (definition) => {
    const relabelled =
      rules.length === 0 ? definition : relabelDefinition(definition, rules, limits);
    return typeof relabelled === "string" ? relabelled : applyFamilyDefaults(families, relabelled);
  };
}

function relabelDefinition(
  definition: Definition,
  rules: readonly CompiledRule[],
  limits: DecodeLimits,
): Definition | DropReason {
  const sent = definition.labelNames.map((name, i) => [name, definition.labelValues[i]] as const);
  const labels = new LabelBuilder([[NAME_LABEL, definition.name], ...sent]);
  const { nameValidation } = limits;
  if (!relabel(labels, rules, (text) => isRuleLabel(text, nameValidation))) return "relabel";
  const name = labels.get(NAME_LABEL);
  if (!isMetricName(name, nameValidation)) return "invalid_name";
  const kept = new Map(labels.snapshot().filter(([label]) => !label.startsWith("__")));
  // In the order sent, as far as they were: one may want to see them in that order.
  const labelNames = [...new Set([...definition.labelNames, ...kept.keys()])].filter((label) =>
    kept.has(label),
  );
  if (!labelNames.every((label) => isLabelName(label, nameValidation))) return "invalid_labels";
  if (!areDistinctWhenEscaped(labelNames)) return "invalid_labels";
  const reserved = RESERVED[definition.type];
  if (
    reserved !== undefined &&
    labelNames.some((label) => escapeWithUnderscores(label, "label") === reserved)
  ) {
    return "reserved_label";
  }
  const labelValues = labelNames.map((label) => kept.get(label) ?? "");
  const relabelled = { ...definition, name, labelNames, labelValues };
  return limitFault(relabelled, undefined, limits) ?? relabelled;
}

const RESERVED: Partial<Record<Definition["type"], string>> = {
  histogram: "le",
  summary: "quantile",
};
