import { NOTHING_YET } from "./gradual-answer.ts";

/** So many items are merged in one step: well below a millisecond. */
const STEP_ITEMS = 8192;

/**
 * Sorts numbers by what `keys` has for them, ascending; those with equal keys stay in their order. In
 * small steps, so that others run in between. `items` is used up.
 */
export function* sortGradually(
  items: Uint32Array<ArrayBuffer>,
  keys: Float64Array,
): Generator<Uint8Array, Uint32Array<ArrayBuffer>> {
  const count = items.length;
  let [from, to] = [items, new Uint32Array(count)];
  let merged = 0;
  for (let width = 1; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count);
      const end = Math.min(middle + width, count);
      merge(from, to, keys, start, middle, end);
      merged += end - start;
      if (merged < STEP_ITEMS) continue;
      merged = 0;
      yield NOTHING_YET;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Merges `start` to `middle` and `middle` to `end`, which are sorted each. */
function merge(
  from: Uint32Array,
  to: Uint32Array,
  keys: Float64Array,
  start: number,
  middle: number,
  end: number,
): void {
  let left = start;
  let right = middle;
  for (let at = start; at < end; at++) {
    const takesLeft = left < middle && (right >= end || keys[from[left]] <= keys[from[right]]);
    to[at] = takesLeft ? from[left++] : from[right++];
  }
}
