/** A piece of a selector. `text`: as it stands there; of a string: what it means. */
export interface Token {
  kind: "identifier" | "string" | "operator" | "{" | "}" | "," | "end";
  text: string;
  /** The index of its first character. */
  at: number;
}

export type SelectorScanned =
  | { ok: true; tokens: Token[] }
  | { ok: false; at: number; fault: string };

const BLANK = /(?:[ \t\r\n]|#[^\n]*)*/y;
const METRIC_IDENTIFIER = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_IDENTIFIER = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const OPERATOR = /=~|!~|!=|=/y;
const HEXADECIMAL = /^[0-9a-fA-F]+$/;

/**
 * Cuts a selector into its pieces; the last one is the end. Failure is a value: what is wrong, and at
 * which character. Source: Prometheus, promql/parser/lex.go.
 */
export function scanSelector(text: string): SelectorScanned {
  const tokens: Token[] = [];
  let isInBraces = false;
  for (let at = endOf(BLANK, text, 0); ; at = endOf(BLANK, text, at)) {
    if (at === text.length) {
      if (isInBraces) return { ok: false, at, fault: "unexpected end of input inside braces" };
      tokens.push({ kind: "end", text: "", at });
      return { ok: true, tokens };
    }
    const character = text[at];
    if (isInBraces && (character === '"' || character === "'" || character === "`")) {
      const string = character === "`" ? readRawString(text, at) : readString(text, at);
      if (!string.ok) return string;
      tokens.push({ kind: "string", text: string.value, at });
      at = string.end;
      continue;
    }
    const token = readPlain(text, at, isInBraces);
    if (token === undefined) {
      const place = isInBraces ? " inside braces" : "";
      const shown = JSON.stringify(String.fromCodePoint(text.codePointAt(at)!));
      return { ok: false, at, fault: `unexpected character${place}: ${shown}` };
    }
    if (token.kind === "{") isInBraces = true;
    if (token.kind === "}") isInBraces = false;
    tokens.push(token);
    at += token.text.length;
  }
}

/** A piece that is no string; undefined where none begins. */
function readPlain(text: string, at: number, isInBraces: boolean): Token | undefined {
  const of = (kind: Token["kind"], end: number) => ({ kind, text: text.slice(at, end), at });
  const character = text[at];
  if (!isInBraces) {
    const end = endOf(METRIC_IDENTIFIER, text, at);
    if (end > at) return of("identifier", end);
    return character === "{" ? of("{", at + 1) : undefined;
  }
  const end = endOf(LABEL_IDENTIFIER, text, at);
  if (end > at) return of("identifier", end);
  const operatorEnd = endOf(OPERATOR, text, at);
  if (operatorEnd > at) return of("operator", operatorEnd);
  return character === "}" || character === "," ? of(character, at + 1) : undefined;
}

type StringRead =
  | { ok: true; value: string; end: number }
  | { ok: false; at: number; fault: string };

function readRawString(text: string, at: number): StringRead {
  const close = text.indexOf("`", at + 1);
  if (close < 0) return { ok: false, at, fault: "unterminated raw string" };
  return { ok: true, value: text.slice(at + 1, close), end: close + 1 };
}

/** Reads a string with Go's escapes, of which some mean bytes: together they must be UTF-8. */
function readString(text: string, at: number): StringRead {
  const quote = text[at];
  const bytes: Buffer[] = [];
  let next = at + 1;
  for (;;) {
    const code = text.codePointAt(next);
    if (code === undefined || code === 0x0a) {
      return { ok: false, at, fault: "unterminated quoted string" };
    }
    const character = String.fromCodePoint(code);
    if (character === quote) break;
    if (character === "\\") {
      const escaped = readEscape(text, next, quote);
      if (!escaped.ok) return escaped;
      bytes.push(escaped.bytes);
      next = escaped.end;
    } else {
      bytes.push(Buffer.from(character));
      next += character.length;
    }
  }
  const all = Buffer.concat(bytes);
  const value = all.toString();
  if (!Buffer.from(value).equals(all)) return { ok: false, at, fault: "string is not UTF-8" };
  return { ok: true, value, end: next + 1 };
}

type EscapeRead =
  | { ok: true; bytes: Buffer; end: number }
  | { ok: false; at: number; fault: string };

const ESCAPES: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

/** Reads the escape whose backslash is at `at`. */
function readEscape(text: string, at: number, quote: string): EscapeRead {
  const fault = (what: string): EscapeRead => ({ ok: false, at, fault: what });
  const letter = text[at + 1] ?? "";
  const simple = letter === quote ? quote : ESCAPES[letter];
  if (simple !== undefined) return { ok: true, bytes: Buffer.from(simple), end: at + 2 };
  if (/[0-7]/.test(letter)) {
    const digits = text.slice(at + 1, at + 4);
    if (!/^[0-7]{3}$/.test(digits)) return fault("escape sequence must have three octal digits");
    const value = Number.parseInt(digits, 8);
    if (value > 255) return fault("escape sequence is more than a byte");
    return { ok: true, bytes: Buffer.of(value), end: at + 4 };
  }
  const length = letter === "x" ? 2 : letter === "u" ? 4 : letter === "U" ? 8 : 0;
  if (length === 0) return fault(`unknown escape sequence ${JSON.stringify(`\\${letter}`)}`);
  const end = at + 2 + length;
  const digits = text.slice(at + 2, end);
  if (digits.length < length || !HEXADECIMAL.test(digits)) {
    return fault(`escape sequence must have ${length} hexadecimal digits`);
  }
  const value = Number.parseInt(digits, 16);
  if (length === 2) return { ok: true, bytes: Buffer.of(value), end };
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
    return fault("escape sequence is an invalid Unicode code point");
  }
  return { ok: true, bytes: Buffer.from(String.fromCodePoint(value)), end };
}

/** Where a sticky pattern ends that begins at `at`; `at` where it does not match. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
