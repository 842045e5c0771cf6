/**
 * A column that grows: one number a slot, in one typed array. Amortized doubling; the array that
 * `data` names is replaced when it grows, so hot loops read it anew for each batch.
 */
export class Float64Column {
  data: Float64Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 64) {
    this.data = new Float64Array(capacity);
  }

  /** Adds `count` zeros and returns the index of the first. */
  extend(count: number): number {
    const start = this.length;
    this.length += count;
    if (this.length > this.data.length) {
      const grown = new Float64Array(Math.max(this.length, this.data.length * 2));
      grown.set(this.data);
      this.data = grown;
    }
    return start;
  }

  /** A copy of the values as they are now. */
  copy(): Float64Array<ArrayBuffer> {
    return this.data.slice(0, this.length);
  }
}
