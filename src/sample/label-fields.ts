import * as v from "valibot";
import { finite, reason, seconds } from "./fields.ts";
import { areDistinctWhenEscaped, isLabelName, NAME_RULES, type NameValidation } from "./names.ts";

export type LabelValue = string | number | boolean | null;

export type Labels = Record<string, LabelValue>;

/** `reserved`: a name that the exposition needs for itself. */
export function labelsField(validation: NameValidation, reserved?: "le" | "quantile") {
  const description = "What tells the series of a family apart. Empty and null are no label.";
  return v.pipe(
    v.nullish(labelSet(validation, reserved)),
    v.metadata({ description, examples: [{ queue: "mail", code: 200 }] }),
  );
}

/** Not `v.record`: that leaves out names such as `constructor`, which are names like any other. */
function labelSet(validation: NameValidation, reserved?: "le" | "quantile") {
  return v.pipe(
    v.custom<Labels>((input) => areLabels(input, validation), reason("invalid_labels")),
    v.check(
      (labels) => reserved === undefined || (labels[reserved] ?? "") === "",
      reason("reserved_label"),
    ),
    v.metadata({
      type: "object",
      ...(reserved && { properties: { [reserved]: { enum: ["", null] } } }),
      propertyNames: { pattern: NAME_RULES[validation].labelName.source },
      additionalProperties: { type: ["string", "number", "boolean", "null"] },
    }),
  );
}

function areLabels(input: unknown, validation: NameValidation): boolean {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return false;
  for (const [name, value] of Object.entries(input)) {
    if (!isLabelName(name, validation)) return false;
    if (typeof value === "string" && value.isWellFormed()) continue;
    if (typeof value === "number" || typeof value === "boolean" || value === null) continue;
    return false;
  }
  if (validation === "legacy") return true;
  const labels = input as Labels;
  return areDistinctWhenEscaped(Object.keys(labels).filter((name) => (labels[name] ?? "") !== ""));
}

/** One that breaks a rule is left out: it is no reason to lose a measurement. */
export function exemplarField(validation: NameValidation) {
  const exemplar = v.object({
    labels: v.pipe(
      labelSet(validation),
      v.metadata({ description: "Such as the id of a trace.", examples: [{ trace_id: "4bf92f" }] }),
    ),
    value: v.pipe(
      v.nullish(finite),
      v.metadata({ description: "The value of that one; not sent, the sample's." }),
    ),
    timestamp: v.pipe(
      v.nullish(seconds("invalid_timestamp")),
      v.metadata({ description: "When that was, in seconds since 1970." }),
    ),
  });
  return v.pipe(
    v.fallback(v.nullish(exemplar), null),
    v.metadata({
      description: "Where the sample came from; at most 128 characters in its labels.",
    }),
  );
}
