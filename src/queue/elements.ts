/** List elements, all in one piece of memory; none of them is an object of its own. */
export interface Elements {
  bytes: Buffer;
  /** For each element where it begins and where it ends in `bytes`; at least `count` long. */
  starts: Uint32Array;
  ends: Uint32Array;
  count: number;
}

/** The bytes of one element; the same memory. */
export function elementAt(elements: Elements, index: number): Buffer {
  return elements.bytes.subarray(elements.starts[index], elements.ends[index]);
}

/** Puts byte strings into one piece of memory, in their order. */
export function packElements(texts: readonly Uint8Array[]): Elements {
  const starts = new Uint32Array(texts.length);
  const ends = new Uint32Array(texts.length);
  let length = 0;
  for (let i = 0; i < texts.length; i++) {
    starts[i] = length;
    length += texts[i].length;
    ends[i] = length;
  }
  return { bytes: Buffer.concat(texts), starts, ends, count: texts.length };
}
