import { escapeQuoted } from "../registry/escapes.ts";
import { escapeWithUnderscores, isLegacyName, type NameKind } from "../sample/names.ts";
import type { EscapingScheme } from "./format.ts";

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
  return isLegacyName(name, "metric") ? name : `"${escapeQuoted(name)}"`;
}

/** Source: prometheus/common, model.EscapeName and EscapeMetricFamily, which leaves legacy names. */
function escapeName(name: string, scheme: EscapingScheme, kind: NameKind): string {
  if (scheme === "allow-utf-8" || isLegacyName(name, kind)) return name;
  if (scheme === "underscores") return escapeWithUnderscores(name, kind);
  const escaped = Array.from(name, (character, i) => {
    if (character === "_") return "__";
    return isLegacyName(i === 0 ? character : `a${character}`, kind)
      ? character
      : escapeOther(character, scheme);
  }).join("");
  return scheme === "values" ? `U__${escaped}` : escaped;
}

function escapeOther(character: string, scheme: "dots" | "values"): string {
  if (scheme === "values") return `_${character.codePointAt(0)?.toString(16)}_`;
  return character === "." ? "_dot_" : "__";
}
