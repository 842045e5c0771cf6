/** One item of a header such as `Accept`: what is accepted, and how much it is wanted. */
export interface QualityItem {
  /** In lower case, as `text/plain` or `gzip`. */
  name: string;
  /** Without `q`; the names are in lower case. */
  parameters: ReadonlyMap<string, string>;
  /** 0..1; 0: not at all. */
  quality: number;
}

/** What stands between commas or semicolons; those within quotes are part of it. */
const BETWEEN_COMMAS = /(?:[^,"]|"(?:\\.|[^"\\])*"?)+/gs;
const BETWEEN_SEMICOLONS = /(?:[^;"]|"(?:\\.|[^"\\])*"?)+/gs;

const PARAMETER = /^[ \t]*([^ \t="]+)[ \t]*=[ \t]*(?:"((?:\\.|[^"\\])*)"|([^ \t="]+))[ \t]*$/s;
/** More digits than RFC 9110 allows, as Go reads them. */
const QUALITY = /^(?:\d{1,9}(?:\.\d{0,20})?|\.\d{1,20})$/;

/**
 * The items of a header with qualities, in their order.
 *
 * A parameter that is malformed is left out, as goautoneg does; an item whose `q` is no number is left
 * out as a whole. Never fails. Source: RFC 9110, sections 5.6.6 and 12.4.2.
 */
export function parseQualityList(header: string): QualityItem[] {
  const items: QualityItem[] = [];
  for (const text of header.match(BETWEEN_COMMAS) ?? []) {
    const [name, ...rest] = text.match(BETWEEN_SEMICOLONS) ?? [];
    const parameters = new Map<string, string>();
    for (const parameter of rest) {
      const [, key, quoted, token] = PARAMETER.exec(parameter) ?? [];
      if (key === undefined) continue;
      parameters.set(key.toLowerCase(), quoted?.replace(/\\(.)/gs, "$1") ?? token);
    }
    const quality = parameters.get("q") ?? "1";
    parameters.delete("q");
    if (name === undefined || !QUALITY.test(quality)) continue;
    items.push({
      name: name.trim().toLowerCase(),
      parameters,
      quality: Math.min(1, Number(quality)),
    });
  }
  return items;
}
