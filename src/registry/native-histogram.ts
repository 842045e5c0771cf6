/** Buckets of one sign that have counts, by ascending index; the two arrays have one length. */
export interface SparseBuckets {
  indexes: readonly number[];
  counts: readonly number[];
}

/**
 * A native histogram at one moment. Bucket `i` of `positive` holds observations in
 * (base^(i-1), base^i], base = 2^(2^-schema); of `negative` the same of the absolute value.
 */
export interface NativeBuckets {
  schema: number;
  zeroThreshold: number;
  zeroCount: number;
  positive: SparseBuckets;
  negative: SparseBuckets;
}
