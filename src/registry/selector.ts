import { compilePattern, type Pattern } from "../pattern.ts";
import { scanSelector, type Token } from "./selector-tokens.ts";

/** What a label must be; one that is not there is empty. The metric name is the label `__name__`. */
export interface Matcher {
  label: string;
  isNegated: boolean;
  /** The value itself, or what the whole of it must match. */
  expected: string | Pattern;
}

/** Series for which all of these hold; at least one of them does not for an empty value. */
export type Selector = readonly Matcher[];

export type SelectorParsed = { ok: true; selector: Selector } | { ok: false; fault: string };

const NAME_LABEL = "__name__";

/**
 * Parses a series selector: `name{label="value", other=~"regex"}`, `{"quoted name", "a.b"!="c"}`.
 *
 * Failure is a value: its `fault` begins with the line and the column, both from 1, of what is wrong.
 * Sources: Prometheus, promql/parser, `ParseMetricSelector`, and its tests; UTF-8 names: Prometheus 3.
 */
export function parseSelector(text: string): SelectorParsed {
  const scanned = scanSelector(text);
  if (!scanned.ok) return { ok: false, fault: faultAt(text, scanned.at, scanned.fault) };
  const parser = new SelectorParser(scanned.tokens);
  const fault = parser.parse();
  if (fault !== undefined) return { ok: false, fault: faultAt(text, fault.at, fault.text) };
  return { ok: true, selector: parser.matchers };
}

/** Whether a selector takes a series. `labelNames` and `labelValues` have the same length. */
export function matches(
  selector: Selector,
  name: string,
  labelNames: readonly string[],
  labelValues: readonly string[],
): boolean {
  return selector.every((matcher) => {
    const at = matcher.label === NAME_LABEL ? -1 : labelNames.indexOf(matcher.label);
    return accepts(matcher, matcher.label === NAME_LABEL ? name : (labelValues[at] ?? ""));
  });
}

function accepts({ expected, isNegated }: Matcher, value: string): boolean {
  const isAsExpected = typeof expected === "string" ? value === expected : expected.matches(value);
  return isAsExpected !== isNegated;
}

/** Where something is wrong in the text, and what. */
interface Fault {
  at: number;
  text: string;
}

class SelectorParser {
  readonly matchers: Matcher[] = [];
  readonly #tokens: readonly Token[];
  #next = 0;

  /** The last token is the end. */
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Fault | undefined {
    const first = this.#peek();
    if (first.kind === "end") return { at: first.at, text: "no selector found in input" };
    if (first.kind === "identifier") {
      this.#next++;
      this.matchers.push({ label: NAME_LABEL, isNegated: false, expected: first.text });
    }
    if (this.#peek().kind === "{") {
      const fault = this.#parseBraces();
      if (fault !== undefined) return fault;
    }
    const end = this.#peek();
    if (end.kind !== "end") return unexpected(end, "in selector", "the end");
    return this.#checkName(first) ?? this.#checkEmpty();
  }

  #parseBraces(): Fault | undefined {
    this.#next++;
    while (this.#peek().kind !== "}") {
      const fault = this.#parseMatcher();
      if (fault !== undefined) return fault;
      const separator = this.#peek();
      if (separator.kind === ",") this.#next++;
      else if (separator.kind !== "}") return unexpected(separator, IN_MATCHING, '"," or "}"');
    }
    this.#next++;
    return undefined;
  }

  #parseMatcher(): Fault | undefined {
    const label = this.#take();
    if (label.kind !== "identifier" && label.kind !== "string") {
      return unexpected(label, IN_MATCHING, 'identifier or "}"');
    }
    const operator = this.#peek();
    if (operator.kind !== "operator") {
      if (label.kind === "identifier") {
        return unexpected(operator, IN_MATCHING, "label matching operator");
      }
      this.matchers.push({ label: NAME_LABEL, isNegated: false, expected: label.text });
      return undefined;
    }
    this.#next++;
    const value = this.#take();
    if (value.kind !== "string") return unexpected(value, IN_MATCHING, "string");
    let expected: string | Pattern = value.text;
    if (operator.text.endsWith("~")) {
      const compiled = compilePattern(value.text);
      if (!compiled.ok) return { at: value.at, text: `the value ${compiled.fault}` };
      expected = compiled.pattern;
    }
    const isNegated = operator.text.startsWith("!");
    this.matchers.push({ label: label.text, isNegated, expected });
    return undefined;
  }

  /** A name before the braces is the only one. */
  #checkName(first: Token): Fault | undefined {
    const names = this.matchers.filter(({ label }) => label === NAME_LABEL);
    if (first.kind !== "identifier" || names.length === 1) return undefined;
    return { at: first.at, text: "metric name must not be set twice" };
  }

  /** A selector that takes everything is a mistake. */
  #checkEmpty(): Fault | undefined {
    if (this.matchers.some((matcher) => !accepts(matcher, ""))) return undefined;
    return { at: 0, text: "selector must contain at least one matcher that an empty value fails" };
  }

  #peek(): Token {
    return this.#tokens[this.#next];
  }

  #take(): Token {
    const token = this.#peek();
    if (token.kind !== "end") this.#next++;
    return token;
  }
}

const IN_MATCHING = "in label matching";

function unexpected({ at, kind, text }: Token, place: string, expected: string): Fault {
  const what =
    kind === "end"
      ? "end of input"
      : kind === "identifier" || kind === "string"
        ? `${kind} ${JSON.stringify(text)}`
        : JSON.stringify(text);
  return { at, text: `unexpected ${what} ${place}, expected ${expected}` };
}

function faultAt(text: string, at: number, fault: string): string {
  const lines = text.slice(0, at).split("\n");
  const column = [...lines[lines.length - 1]].length + 1;
  return `${lines.length}:${column}: ${fault}`;
}
