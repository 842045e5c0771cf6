import * as v from "valibot";
import {
  type Composed,
  type EntryLimits,
  type GivenEntry,
  type ListSetting,
  regex,
  several,
  single,
} from "./list-setting.ts";
import { integer } from "./setting-schemas.ts";

export const RELABEL_ACTIONS = [
  "replace",
  "keep",
  "drop",
  "keepequal",
  "dropequal",
  "hashmod",
  "labelmap",
  "labeldrop",
  "labelkeep",
  "lowercase",
  "uppercase",
] as const;

export type RelabelAction = (typeof RELABEL_ACTIONS)[number];

/** One rule of `Relabel`, as Prometheus' `relabel_config`, valid. Plain data: it crosses threads. */
export interface RelabelRule {
  sourceLabels: string[];
  separator: string;
  regex: string;
  /** 0: none. */
  modulus: number;
  /** Empty: none. */
  targetLabel: string;
  replacement: string;
  action: RelabelAction;
}

type NameValidation = EntryLimits["nameValidation"];

/** Whether a rule may name a label so: those that begin with `__` are gone in the end. */
export function isRuleLabel(text: string, validation: NameValidation): boolean {
  if (validation === "legacy") return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(text);
  return text !== "" && text.isWellFormed();
}

/**
 * A label name that may have `$1`, `${1}` and `${name}` in it. It takes what Prometheus' own
 * expression takes, but in one way only: that one would take JavaScript exponential time.
 * Source: Prometheus, model/relabel, `relabelTargetLegacy`.
 */
const LEGACY_TEMPLATE = /^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w))(?:\w|\$(?:\{\w+\}|\w))*$/;

/** The same for a text that has groups in it. */
function isLabelTemplate(text: string, validation: NameValidation): boolean {
  return validation === "legacy" ? LEGACY_TEMPLATE.test(text) : isRuleLabel(text, validation);
}

const NEEDS_TARGET: readonly RelabelAction[] = [
  "replace",
  "hashmod",
  "lowercase",
  "uppercase",
  "keepequal",
  "dropequal",
];

const FIELDS = {
  sourceLabels: several(v.string(), {
    name: "source_labels",
    takes: "label names",
    doc: "The labels whose values, joined, are what the rule looks at.",
  }),
  separator: single(v.string(), {
    name: "separator",
    defaultValue: ";",
    takes: "a text",
    doc: "What stands between these values.",
  }),
  regex: single(regex, {
    name: "regex",
    defaultValue: "(.*)",
    takes: "a regular expression (RE2)",
    doc: "What the whole of them must match; of `labelmap`, `labeldrop` and `labelkeep`: a label's name.",
  }),
  modulus: single(integer(0, Number.MAX_SAFE_INTEGER), {
    name: "modulus",
    defaultValue: 0,
    takes: "1..9007199254740991",
    doc: "For `hashmod`.",
  }),
  targetLabel: single(v.string(), {
    name: "target_label",
    defaultValue: "",
    takes: "a label name; for `replace` with `$1` and the like",
    doc: "The label that is set, or compared.",
  }),
  replacement: single(v.string(), {
    name: "replacement",
    defaultValue: "$1",
    takes: "a text with `$1`, `$name` and the like",
    doc: "What `target_label` is set to; of `labelmap`: the new name. Empty: the label is removed.",
  }),
  action: single<RelabelAction>(action(), {
    name: "action",
    defaultValue: "replace",
    takes: RELABEL_ACTIONS.join(", "),
    doc: "What is done.",
  }),
};

/** `Relabel`: what is done with the labels of each sample, in order. */
export const RELABEL: ListSetting<RelabelRule> = {
  name: "Relabel",
  fields: FIELDS,
  compose: composeRule,
};

/** Source: Prometheus, model/relabel, `Config.Validate`, in its order. */
function composeRule(given: GivenEntry, { nameValidation }: EntryLimits): Composed<RelabelRule> {
  const rule: RelabelRule = {
    sourceLabels: given.get(FIELDS.sourceLabels) ?? [],
    separator: given.get(FIELDS.separator),
    regex: given.get(FIELDS.regex),
    modulus: given.get(FIELDS.modulus),
    targetLabel: given.get(FIELDS.targetLabel),
    replacement: given.get(FIELDS.replacement),
    action: given.get(FIELDS.action),
  };
  const { action, targetLabel, replacement } = rule;
  const fault = (field: { name: string }, text: string): Composed<RelabelRule> => {
    return { ok: false, field: field.name, fault: text };
  };
  if (!rule.sourceLabels.every((label) => isRuleLabel(label, nameValidation))) {
    return fault(FIELDS.sourceLabels, "must be label names");
  }
  if (action === "hashmod" && rule.modulus === 0) {
    return fault(FIELDS.modulus, "must be set, and not 0, for the action hashmod");
  }
  if (NEEDS_TARGET.includes(action)) {
    if (targetLabel === "")
      return fault(FIELDS.targetLabel, `must be set for the action ${action}`);
    const isTemplate = action === "replace" && targetLabel.includes("$");
    const isValid = isTemplate ? isLabelTemplate : isRuleLabel;
    if (!isValid(targetLabel, nameValidation)) {
      return fault(FIELDS.targetLabel, `must be a label name for the action ${action}`);
    }
  }
  if (action === "labelmap" && !isLabelTemplate(replacement, nameValidation)) {
    return fault(FIELDS.replacement, "must make a label name for the action labelmap");
  }
  const unused = unusedField(rule);
  if (unused !== undefined) return fault(unused, `must not be set for the action ${action}`);
  return { ok: true, entry: rule };
}

/** A field that is set, and has no meaning for the rule's action: then the rule is not what it seems. */
function unusedField(rule: RelabelRule): { name: string } | undefined {
  const isSet = {
    sourceLabels: rule.sourceLabels.length > 0,
    targetLabel: rule.targetLabel !== FIELDS.targetLabel.defaultValue,
    regex: rule.regex !== FIELDS.regex.defaultValue,
    modulus: rule.modulus !== FIELDS.modulus.defaultValue,
    separator: rule.separator !== FIELDS.separator.defaultValue,
    replacement: rule.replacement !== FIELDS.replacement.defaultValue,
  };
  const unused = UNUSED[rule.action]?.find((name) => isSet[name]);
  return unused === undefined ? undefined : FIELDS[unused];
}

const UNUSED: Partial<Record<RelabelAction, readonly Exclude<keyof RelabelRule, "action">[]>> = {
  lowercase: ["replacement"],
  uppercase: ["replacement"],
  keepequal: ["regex", "modulus", "separator", "replacement"],
  dropequal: ["regex", "modulus", "separator", "replacement"],
  labeldrop: ["sourceLabels", "targetLabel", "modulus", "separator", "replacement"],
  labelkeep: ["sourceLabels", "targetLabel", "modulus", "separator", "replacement"],
};

function action(): v.GenericSchema<string, RelabelAction> {
  const fault = `must be ${RELABEL_ACTIONS.slice(0, -1).join(", ")} or ${RELABEL_ACTIONS.at(-1)}`;
  return v.pipe(v.string(), v.trim(), v.toLowerCase(), v.picklist(RELABEL_ACTIONS, fault));
}
