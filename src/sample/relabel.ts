import { createHash } from "node:crypto";
import type { RelabelAction, RelabelRule } from "../config/relabel-rules.ts";
import { compilePattern, type Pattern } from "../pattern.ts";
import { unreachable } from "../unreachable.ts";
import { simpleLowerCase, simpleUpperCase } from "./case.ts";
import { expand } from "./expand.ts";

/** A rule that is ready for use. */
export interface CompiledRule extends Omit<RelabelRule, "regex" | "modulus"> {
  pattern: Pattern;
  modulus: bigint;
}

/** The label that is the metric name. */
export const NAME_LABEL = "__name__";

/** Whether a text may be a label's name; by this a rule's own target is judged. */
export type IsLabelName = (text: string) => boolean;

/** The rules have been checked: one that is wrong is a bug. */
export function compileRules(rules: readonly RelabelRule[]): CompiledRule[] {
  return rules.map((rule) => {
    const compiled = compilePattern(rule.regex);
    if (!compiled.ok) throw new Error(`BUG: a rule's regex ${compiled.fault}`);
    return { ...rule, pattern: compiled.pattern, modulus: BigInt(rule.modulus) };
  });
}

/**
 * Applies rules to labels, one after the other, as Prometheus does.
 *
 * `labels`: changed in place; the metric name among them as `__name__`, no value empty.
 * Returns false when a rule drops the sample. Source: Prometheus, model/relabel, `relabel`.
 */
export function relabel(
  labels: LabelBuilder,
  rules: readonly CompiledRule[],
  isLabelName: IsLabelName,
): boolean {
  for (const rule of rules) if (!apply(rule, labels, isLabelName)) return false;
  return true;
}

function apply(rule: CompiledRule, labels: LabelBuilder, isLabelName: IsLabelName): boolean {
  const { pattern, targetLabel } = rule;
  const action: RelabelAction = rule.action;
  const value = rule.sourceLabels.map((name) => labels.get(name)).join(rule.separator);
  switch (action) {
    case "drop":
      return !pattern.matches(value);
    case "keep":
      return pattern.matches(value);
    case "dropequal":
      return labels.get(targetLabel) !== value;
    case "keepequal":
      return labels.get(targetLabel) === value;
    case "replace":
      replace(rule, value, labels, isLabelName);
      return true;
    case "lowercase":
      labels.set(targetLabel, simpleLowerCase(value));
      return true;
    case "uppercase":
      labels.set(targetLabel, simpleUpperCase(value));
      return true;
    case "hashmod":
      labels.set(targetLabel, String(hashOf(value) % rule.modulus));
      return true;
    case "labelmap":
      for (const [name, text] of labels.snapshot()) {
        const groups = pattern.groupsOf(name);
        if (groups !== undefined) labels.set(expand(rule.replacement, pattern, groups), text);
      }
      return true;
    case "labeldrop":
      for (const [name] of labels.snapshot()) if (pattern.matches(name)) labels.set(name, "");
      return true;
    case "labelkeep":
      for (const [name] of labels.snapshot()) if (!pattern.matches(name)) labels.set(name, "");
      return true;
    default:
      return unreachable(action);
  }
}

function replace(
  { pattern, targetLabel, replacement }: CompiledRule,
  value: string,
  labels: LabelBuilder,
  isLabelName: IsLabelName,
): void {
  const groups = pattern.groupsOf(value);
  if (groups === undefined) return;
  const target = expand(targetLabel, pattern, groups);
  if (isLabelName(target)) labels.set(target, expand(replacement, pattern, groups));
}

/** The last eight bytes of the MD5, big endian. */
function hashOf(value: string): bigint {
  return createHash("md5").update(value).digest().readBigUInt64BE(8);
}

/**
 * The labels of a sample while rules are applied. Where `labelmap` gives several labels one name the
 * last counts, so their order matters: first those that the sample came with, by name, then those that
 * were set, in the order in which they were. Source: Prometheus, model/labels, `Builder`.
 */
export class LabelBuilder {
  readonly #labels: Map<string, string>;
  readonly #added = new Set<string>();

  /** No value is empty. */
  constructor(labels: readonly (readonly [name: string, value: string])[]) {
    this.#labels = new Map(
      [...labels].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  }

  /** Empty where there is none. */
  get(name: string): string {
    return this.#labels.get(name) ?? "";
  }

  /** An empty value is the same as no label. */
  set(name: string, value: string): void {
    if (value === "") {
      this.#added.delete(name);
      this.#labels.delete(name);
      return;
    }
    if (!this.#added.has(name)) this.#labels.delete(name);
    this.#added.add(name);
    this.#labels.set(name, value);
  }

  /** The labels as they are now: what is set later is not among them. */
  snapshot(): [name: string, value: string][] {
    return [...this.#labels];
  }
}
