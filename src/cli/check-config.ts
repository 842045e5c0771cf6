import type { EffectiveSetting } from "../config/load.ts";

/** The settings in force, a line each; no credential is among them. */
export function renderEffective(effective: readonly EffectiveSetting[]): string {
  const width = Math.max(...effective.map(({ name, text }) => name.length + text.length + 3));
  return effective
    .map(({ name, text, source }) => `${`${name} = ${text}`.padEnd(width)}  # ${source}\n`)
    .join("");
}
