/** Ends a switch over a union: the compiler refuses it when a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`BUG: a case is missing for ${String(value)}`);
}
