import type { NativeLayout } from "../sample/sample.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";

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

/** The lowest resolution: a bucket ends at 65536 times where it begins. */
const SCHEMA_MIN = -4;

/**
 * The native buckets of one histogram. How many observations there are and what their sum is, NaN
 * among them, is kept with its classic buckets.
 *
 * Source: client_golang, `prometheus/histogram.go`. Of its three ways to have fewer buckets there is
 * one, to halve the resolution: it neither begins anew nor widens the zero bucket, both of which
 * would take away what was counted.
 *
 * The state is a function of the layout, the observations and their order; views change nothing.
 */
export class NativeHistogram {
  #zeroThreshold: number;
  #maxBuckets: number;
  #schema: number;
  #zeroCount = 0;
  #positive = new SparseCounts();
  #negative = new SparseCounts();
  /** Made when it is asked for, and given up when something changes. */
  #buckets: NativeBuckets | undefined;

  constructor(layout: NativeLayout) {
    this.#zeroThreshold = layout.zeroThreshold;
    this.#maxBuckets = layout.maxBuckets;
    this.#schema = layout.schema;
  }

  /**
   * Takes `times` equal observations, an integer of at least 1. A NaN counts into no bucket. Each one
   * that leaves more buckets than there may be halves the resolution, once; there are more only
   * while that was not enough, or at the lowest resolution. Counts are exact below 2^53.
   */
  observe(value: number, times: number): void {
    if (Number.isNaN(value)) return;
    this.#buckets = undefined;
    const magnitude = Math.abs(value);
    // An infinite one is compared as the greatest finite number, as there.
    if (Math.min(magnitude, Number.MAX_VALUE) > this.#zeroThreshold) {
      const counts = value > 0 ? this.#positive : this.#negative;
      counts.add(bucketOf(magnitude, this.#schema), times);
    } else this.#zeroCount += times;
    for (let left = times; left > 0 && this.#isTooFine(); left--) {
      this.#schema--;
      this.#positive.halve();
      this.#negative.halve();
    }
  }

  /** Another one in the same state, with memory of its own. */
  copy(): NativeHistogram {
    const copy = new NativeHistogram({
      schema: this.#schema,
      zeroThreshold: this.#zeroThreshold,
      maxBuckets: this.#maxBuckets,
    });
    copy.#zeroCount = this.#zeroCount;
    copy.#positive = this.#positive.copy();
    copy.#negative = this.#negative.copy();
    return copy;
  }

  /** As they are now; stays so whatever is observed later. */
  get buckets(): NativeBuckets {
    this.#buckets ??= {
      schema: this.#schema,
      zeroThreshold: this.#zeroThreshold,
      zeroCount: this.#zeroCount,
      positive: this.#positive.view(),
      negative: this.#negative.view(),
    };
    return this.#buckets;
  }

  /** `read` makes the same state of what it writes, to the bit. The layout is the family's to know. */
  write(writer: ByteWriter): void {
    writer.varint(this.#schema - SCHEMA_MIN);
    writer.varint(this.#zeroCount);
    this.#positive.write(writer);
    this.#negative.write(writer);
  }

  /** Takes what `write` wrote, into a histogram that is new. Throws a RangeError where it is cut. */
  read(reader: ByteReader): void {
    this.#schema = reader.varint() + SCHEMA_MIN;
    this.#zeroCount = reader.varint();
    this.#positive.read(reader);
    this.#negative.read(reader);
    this.#buckets = undefined;
  }

  #isTooFine(): boolean {
    return (
      this.#positive.size + this.#negative.size > this.#maxBuckets && this.#schema > SCHEMA_MIN
    );
  }
}

/** Counts of the buckets that have some: two columns by ascending index. */
class SparseCounts {
  #indexes = new Int32Array(0);
  #counts = new Float64Array(0);
  size = 0;

  add(index: number, count: number): void {
    const at = this.#placeOf(index);
    if (at < this.size && this.#indexes[at] === index) {
      this.#counts[at] += count;
      return;
    }
    if (this.size === this.#indexes.length) this.#resize(Math.max(4, this.size * 2));
    this.#indexes.copyWithin(at + 1, at, this.size);
    this.#counts.copyWithin(at + 1, at, this.size);
    this.#indexes[at] = index;
    this.#counts[at] = count;
    this.size++;
  }

  /** Puts two buckets together at a time: 2i - 1 and 2i become i. */
  halve(): void {
    let size = 0;
    for (let i = 0; i < this.size; i++) {
      const index = (this.#indexes[i] + 1) >> 1;
      const count = this.#counts[i];
      if (size > 0 && this.#indexes[size - 1] === index) this.#counts[size - 1] += count;
      else {
        this.#indexes[size] = index;
        this.#counts[size] = count;
        size++;
      }
    }
    this.size = size;
  }

  copy(): SparseCounts {
    const copy = new SparseCounts();
    copy.#indexes = this.#indexes.slice(0, this.size);
    copy.#counts = this.#counts.slice(0, this.size);
    copy.size = this.size;
    return copy;
  }

  view(): SparseBuckets {
    return {
      indexes: Array.from(this.#indexes.subarray(0, this.size)),
      counts: Array.from(this.#counts.subarray(0, this.size)),
    };
  }

  write(writer: ByteWriter): void {
    writer.varint(this.size);
    let last = INDEX_MIN;
    for (let i = 0; i < this.size; i++) {
      writer.varint(this.#indexes[i] - last);
      writer.varint(this.#counts[i]);
      last = this.#indexes[i];
    }
  }

  read(reader: ByteReader): void {
    const size = reader.varint();
    this.size = 0;
    let last = INDEX_MIN;
    for (let i = 0; i < size; i++) {
      if (i === this.#indexes.length) this.#resize(Math.max(4, i * 2));
      last += reader.varint();
      this.#indexes[i] = last;
      this.#counts[i] = reader.varint();
      this.size++;
    }
  }

  /** The first place whose index is not less. */
  #placeOf(index: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#indexes[middle] < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #resize(length: number): void {
    const indexes = new Int32Array(length);
    indexes.set(this.#indexes.subarray(0, this.size));
    this.#indexes = indexes;
    const counts = new Float64Array(length);
    counts.set(this.#counts.subarray(0, this.size));
    this.#counts = counts;
  }
}

/** Below all indexes: the least number is 2^-1074, and a power of two has up to 256 buckets. */
const INDEX_MIN = -1075 * 256;

/** The bucket of a positive number, +Inf included, which has the one after the greatest number's. */
function bucketOf(magnitude: number, schema: number): number {
  if (magnitude === Number.POSITIVE_INFINITY) return bucketOf(Number.MAX_VALUE, schema) + 1;
  // magnitude = fraction * 2^exponent, fraction in [0.5, 1): both stand in the number's own bits.
  float[0] = magnitude;
  let exponent = (words[1] >>> 20) - 1022;
  if (exponent === -1022) {
    // Subnormal numbers have no leading bit of their own.
    float[0] = magnitude * 2 ** 54;
    exponent = (words[1] >>> 20) - 1022 - 54;
  }
  words[1] = (words[1] & 0xfffff) | (1022 << 20);
  const fraction = float[0];
  if (schema <= 0) {
    // The end of a bucket belongs to it.
    const power = fraction === 0.5 ? exponent - 1 : exponent;
    return (power + (1 << -schema) - 1) >> -schema;
  }
  const step = BOUNDS.length >> schema;
  let low = 0;
  let high = 1 << schema;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (BOUNDS[middle * step] < fraction) low = middle + 1;
    else high = middle;
  }
  return low + ((exponent - 1) << schema);
}

const float = new Float64Array(1);
/** The same memory: the low half of the bits, then the high half. */
const words = new Uint32Array(float.buffer);

/** Of schema 1 to 8 the factor from one bound to the next. */
const FACTORS = [
  // The double below the nearest one, since that is what all others have.
  Math.SQRT2 - Number.EPSILON,
  ...[1.189207115002721, 1.0905077326652577, 1.0442737824274138, 1.0218971486541166],
  ...[1.0108892860517005, 1.0054299011128027, 1.0027112750502025],
];

/** Upper bounds in [0.5, 1) of schema 8; a lower schema has every second, fourth ... of them. */
const BOUNDS = makeBounds();

/**
 * The bounds as client_golang and Prometheus have them: not the nearest doubles, some of them are off
 * by almost four units in the last place, but borders have to be the same on both sides. Made the way
 * theirs were: each bound that a schema adds is the one before it times the schema's factor.
 */
function makeBounds(): Float64Array {
  const bounds = new Float64Array(256);
  bounds[0] = 0.5;
  for (let schema = 1; schema <= 8; schema++) {
    const step = 256 >> schema;
    for (let at = step; at < 256; at += 2 * step) {
      bounds[at] = bounds[at - step] * FACTORS[schema - 1];
    }
  }
  return bounds;
}
