import type { SparseBuckets } from "../registry/native-histogram.ts";

/** Buckets as they stand in a message: runs of them, and the counts of all runs. */
export interface NativeSpans {
  /** For each run: how far it is from the end of the last one, or from bucket 0. */
  offsets: number[];
  lengths: number[];
  /** For each bucket how many more it has than the one before. */
  deltas: number[];
}

/** Shorter gaps are filled with empty buckets: that takes fewer bytes than another run. */
const GAP_MAX = 2;

/** Source: client_golang, prometheus/histogram.go, makeBuckets. */
export function spansOf({ indexes, counts }: SparseBuckets): NativeSpans {
  const spans: NativeSpans = { offsets: [], lengths: [], deltas: [] };
  const { offsets, lengths, deltas } = spans;
  let next = 0;
  let last = 0;
  const add = (count: number) => {
    lengths[lengths.length - 1]++;
    deltas.push(count - last);
    last = count;
  };
  for (let i = 0; i < indexes.length; i++) {
    const gap = indexes[i] - next;
    if (i === 0 || gap > GAP_MAX) {
      offsets.push(gap);
      lengths.push(0);
    } else {
      for (let empty = 0; empty < gap; empty++) add(0);
    }
    add(counts[i]);
    next = indexes[i] + 1;
  }
  return spans;
}
