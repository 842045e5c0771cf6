/** Which metric and label names are taken. Source: prometheus/common, `model.ValidationScheme`. */
export type NameValidation = "legacy" | "utf8";

/** What names are made of, as regular expressions that every dialect reads alike. */
export interface NameRules {
  metricName: RegExp;
  /** Names that begin with two underscores are Prometheus' own. */
  labelName: RegExp;
}

/** In "utf8" a name must be well-formed as well, which a regular expression cannot say. */
export const NAME_RULES: Record<NameValidation, NameRules> = {
  legacy: {
    metricName: /^[a-zA-Z_:][a-zA-Z0-9_:]*$/,
    labelName: /^(_|_?[a-zA-Z][a-zA-Z0-9_]*|_[0-9][a-zA-Z0-9_]*)$/,
  },
  utf8: { metricName: /^[\s\S]/, labelName: /^(_$|_?[^_])/ },
};

/** Whether a metric may have this name. */
export function isMetricName(text: string, validation: NameValidation): boolean {
  return NAME_RULES[validation].metricName.test(text) && text.isWellFormed();
}

/** Whether a label of a sample may have this name. */
export function isLabelName(text: string, validation: NameValidation): boolean {
  return NAME_RULES[validation].labelName.test(text) && text.isWellFormed();
}

/** A scraper that wants escaped names would otherwise be shown one label twice. */
export function areDistinctWhenEscaped(names: readonly string[]): boolean {
  return new Set(names.map((name) => escapeWithUnderscores(name, "label"))).size === names.length;
}

/** What a name is of: a label's has no colons. */
export type NameKind = "metric" | "label";

/** Whether each scraper takes a name as it is. Source: Prometheus, "Data model". */
export function isLegacyName(name: string, kind: NameKind): boolean {
  return (kind === "metric" ? LEGACY_METRIC : LEGACY_LABEL).test(name);
}

const LEGACY_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LEGACY_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * What a scraper is shown that asks for names in the old alphabet: each character that is not of it
 * is an underscore. Source: prometheus/common, `model.EscapeName` with `UnderscoreEscaping`, which
 * takes a label's name with a colon for a legacy one, as no parser does.
 */
export function escapeWithUnderscores(name: string, kind: NameKind): string {
  if (isLegacyName(name, kind)) return name;
  // Behind a letter a character is of the alphabet if the two are a name.
  return Array.from(name, (character, i) =>
    isLegacyName(i === 0 ? character : `a${character}`, kind) ? character : "_",
  ).join("");
}
