/** Which part of a long list is asked for. */
export interface PageQuery {
  /** What the entries must contain; empty: nothing. */
  search: string;
  limit: number;
  offset: number;
}

const LIMIT = { otherwise: 100, max: 1000 };
const OFFSET_MAX = 2 ** 31 - 1;

/** Reads `search`, `limit` and `offset`; or says what is wrong with them. */
export function readPageQuery(parameters: URLSearchParams): PageQuery | { fault: string } {
  const limit = readWhole(parameters, "limit", LIMIT.otherwise, 1, LIMIT.max);
  if (typeof limit === "string") return { fault: limit };
  const offset = readWhole(parameters, "offset", 0, 0, OFFSET_MAX);
  if (typeof offset === "string") return { fault: offset };
  return { search: parameters.get("search") ?? "", limit, offset };
}

/** Says that a parameter is not what it may be. */
export function faultOf(name: string, allowed: string, text: string): string {
  const shown = text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
  return `invalid parameter "${name}": must be ${allowed}, got ${JSON.stringify(shown.toWellFormed())}`;
}

const SHOWN_MAX = 50;

function readWhole(
  parameters: URLSearchParams,
  name: string,
  otherwise: number,
  min: number,
  max: number,
): number | string {
  const text = parameters.get(name);
  if (text === null) return otherwise;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : faultOf(name, `${min}..${max}`, text);
}
