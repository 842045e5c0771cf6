import { join } from "node:path";
import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import type { DropReason } from "../src/sample/drop-reason.ts";
import type { NameValidation } from "../src/sample/names.ts";
import { formsOf } from "../src/sample/schema.ts";

/**
 * The JSON Schema of a list element, made from the schema that the gateway decodes with; a test
 * fails when a file is stale, and another one compares the two on thousands of messages.
 */

/** For senders of a gateway with each `Metrics.NameValidation`. */
export const SCHEMA_FILES: Record<NameValidation, string> = {
  legacy: "sample.schema.json",
  utf8: "sample-utf8.schema.json",
};

/** What the gateway refuses though the JSON Schema takes it: rules that JSON Schema cannot say. */
export const BEYOND_JSON_SCHEMA: readonly { reason: DropReason; rule: string }[] = [
  { reason: "invalid_buckets", rule: "`buckets` are strictly increasing." },
  { reason: "invalid_buckets", rule: '`"+Inf"` stands last in `buckets`, and not alone.' },
  { reason: "invalid_counts", rule: "`counts` has one number more than `buckets` without +Inf." },
  { reason: "invalid_quantiles", rule: "`quantiles` and `epsilons` have the same length." },
  { reason: "invalid_name", rule: "`name` has no lone surrogate." },
  { reason: "invalid_labels", rule: "Names and values of `labels` have no lone surrogate." },
  {
    reason: "invalid_labels",
    rule: "Names of `labels` differ when each character that is not a letter, a digit or an underscore is an underscore.",
  },
  { reason: "too_large", rule: "A list element has at most `Metrics.MaxMessageBytes`." },
  { reason: "too_many_labels", rule: "There are at most `Metrics.MaxLabels`." },
  { reason: "label_too_long", rule: "Names and label values fit into `Metrics.MaxLabelLength`." },
  { reason: "invalid_buckets", rule: "`buckets` are at most `Metrics.MaxBuckets`." },
  { reason: "invalid_native", rule: "`maxBuckets` is at most `Metrics.MaxBuckets`." },
  { reason: "invalid_counts", rule: "`counts` are at most `Metrics.MaxBuckets` and one." },
  { reason: "invalid_quantiles", rule: "`quantiles` are at most `Metrics.MaxBuckets`." },
];

/** What the JSON Schema refuses though the gateway takes the sample: it leaves the field out. */
export const LEFT_OUT_WHEN_BAD = ["help", "unit", "exemplar"] as const;

const DESCRIPTION = `One element of the list that Prometheus Stream Gateway reads: a sample, or several.

Rules that stand only here:
${BEYOND_JSON_SCHEMA.map(({ rule }) => `- ${rule}`).join("\n")}

Of a field that breaks a rule the gateway leaves out ${LEFT_OUT_WHEN_BAD.map((name) => `\`${name}\``).join(", ")}, and takes the sample. Of others it drops the sample.`;

export function renderJsonSchema(validation: NameValidation): string {
  const forms = formsOf(validation);
  const sample = v.union(Object.values(forms));
  const { $schema, ...rest } = toJsonSchema(v.union([sample, v.array(sample)]), {
    target: "draft-2020-12",
    // What a sender writes, not what becomes of it.
    typeMode: "input",
    definitions: { ...forms, sample },
    ...CHECKS_OF_OUR_OWN,
  });
  const title = "Samples for Prometheus Stream Gateway";
  return `${JSON.stringify({ $schema, title, description: DESCRIPTION, ...rest }, null, 2)}\n`;
}

/** They stand in the schema's metadata, or in `BEYOND_JSON_SCHEMA`. */
const CHECKS_OF_OUR_OWN: Pick<ConversionConfig, "overrideSchema" | "overrideAction"> = {
  overrideSchema: ({ valibotSchema }) => (valibotSchema.type === "custom" ? {} : undefined),
  // JSON has finite numbers only.
  overrideAction: ({ valibotAction, jsonSchema }) =>
    valibotAction.type === "check" || valibotAction.type === "finite" ? jsonSchema : undefined,
};

if (import.meta.main) {
  for (const [validation, name] of Object.entries(SCHEMA_FILES)) {
    const text = renderJsonSchema(validation as NameValidation);
    await Bun.write(join(import.meta.dir, name), text);
  }
}
