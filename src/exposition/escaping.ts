import type { EscapingScheme } from "./format.ts";

/** What a name is of: a label's has no colons. */
type Kind = "metric" | "label";

/** Whether each scraper takes the name of a metric as it is. Source: Prometheus, "Data model". */
export function isLegacyName(name: string): boolean {
  return LEGACY.metric.test(name);
}

/** How a metric's name is shown; it stands in quotes if it is no legacy name even so. */
export function escapeMetricName(name: string, scheme: EscapingScheme): string {
  return escapeName(name, scheme, "metric");
}

/**
 * How a label's name is shown; `quoteLabelName` puts it in quotes if need be. Client_golang takes a
 * label's name with a colon for a legacy one, which no parser does, so here it is escaped.
 */
export function escapeLabelName(name: string, scheme: EscapingScheme): string {
  return escapeName(name, scheme, "label");
}

/** A metric's name as it stands in a line of metadata. */
export function quoteMetricName(name: string): string {
  return LEGACY.metric.test(name) ? name : `"${escapeQuoted(name)}"`;
}

export function quoteLabelName(name: string): string {
  return LEGACY.label.test(name) ? name : `"${escapeQuoted(name)}"`;
}

/** Source: Prometheus, "Exposition formats": `\\`, `\"` and `\n` between quotes. */
export function escapeQuoted(text: string): string {
  if (!/[\\"\n]/.test(text)) return text;
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** What `escapeQuoted` was given. */
export function unescapeQuoted(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
}

const LEGACY = {
  metric: /^[a-zA-Z_:][a-zA-Z0-9_:]*$/,
  label: /^[a-zA-Z_][a-zA-Z0-9_]*$/,
};

const LEGACY_CHARACTER = {
  metric: /[a-zA-Z0-9_:]/,
  label: /[a-zA-Z0-9_]/,
};

/** Source: prometheus/common, model.EscapeName and EscapeMetricFamily, which leaves legacy names. */
function escapeName(name: string, scheme: EscapingScheme, kind: Kind): string {
  if (scheme === "allow-utf-8" || LEGACY[kind].test(name)) return name;
  let escaped = scheme === "values" ? "U__" : "";
  let isFirst = true;
  for (const character of name) {
    const isLegacy = LEGACY_CHARACTER[kind].test(character) && !(isFirst && /\d/.test(character));
    escaped += isLegacy ? escapeLegacy(character, scheme) : escapeOther(character, scheme);
    isFirst = false;
  }
  return escaped;
}

type Escaping = Exclude<EscapingScheme, "allow-utf-8">;

function escapeLegacy(character: string, scheme: Escaping): string {
  return character === "_" && scheme !== "underscores" ? "__" : character;
}

function escapeOther(character: string, scheme: Escaping): string {
  switch (scheme) {
    case "underscores":
      return "_";
    case "dots":
      return character === "." ? "_dot_" : "__";
    case "values":
      return `_${character.codePointAt(0)?.toString(16)}_`;
  }
}
