/** A message as plain data: only the fields that are there; repeated ones are lists. */
export type Message = { [field: string]: unknown };

type Kind = "text" | "double" | "whole" | "signed" | Schema;
/** By number: the field's name, with `[]` when it is repeated, and what it holds. */
type Schema = { [number: number]: [name: string, kind: Kind] };

const TIMESTAMP: Schema = { 1: ["seconds", "whole"], 2: ["nanos", "whole"] };
const LABEL: Schema = { 1: ["name", "text"], 2: ["value", "text"] };
const EXEMPLAR: Schema = {
  1: ["label[]", LABEL],
  2: ["value", "double"],
  3: ["timestamp", TIMESTAMP],
};
const BUCKET: Schema = {
  1: ["cumulative_count", "whole"],
  2: ["upper_bound", "double"],
  3: ["exemplar", EXEMPLAR],
};
const SPAN: Schema = { 1: ["offset", "signed"], 2: ["length", "whole"] };
const HISTOGRAM: Schema = {
  1: ["sample_count", "whole"],
  2: ["sample_sum", "double"],
  3: ["bucket[]", BUCKET],
  5: ["schema", "signed"],
  6: ["zero_threshold", "double"],
  7: ["zero_count", "whole"],
  9: ["negative_span[]", SPAN],
  10: ["negative_delta[]", "signed"],
  12: ["positive_span[]", SPAN],
  13: ["positive_delta[]", "signed"],
  15: ["created_timestamp", TIMESTAMP],
};
const METRIC: Schema = {
  1: ["label[]", LABEL],
  2: ["gauge", { 1: ["value", "double"] }],
  3: [
    "counter",
    { 1: ["value", "double"], 2: ["exemplar", EXEMPLAR], 3: ["created_timestamp", TIMESTAMP] },
  ],
  4: [
    "summary",
    {
      1: ["sample_count", "whole"],
      2: ["sample_sum", "double"],
      3: ["quantile[]", { 1: ["quantile", "double"], 2: ["value", "double"] }],
      4: ["created_timestamp", TIMESTAMP],
    },
  ],
  7: ["histogram", HISTOGRAM],
};
/** Source: prometheus/client_model, io/prometheus/client/metrics.proto. */
const FAMILY: Schema = {
  1: ["name", "text"],
  2: ["help", "text"],
  3: ["type", "whole"],
  4: ["metric[]", METRIC],
  5: ["unit", "text"],
};

/** Messages of type io.prometheus.client.MetricFamily, each with its length in front. */
export function decodeFamilies(bytes: Uint8Array): Message[] {
  const families: Message[] = [];
  const reader = new Reader(bytes);
  while (!reader.isAtEnd) families.push(decode(reader.block(), FAMILY));
  return families;
}

function decode(bytes: Uint8Array, schema: Schema): Message {
  const message: Message = {};
  const reader = new Reader(bytes);
  while (!reader.isAtEnd) {
    const tag = Number(reader.varint());
    const field = schema[tag >>> 3];
    if (field === undefined) throw new Error(`field ${tag >>> 3} is not known`);
    const [name, kind] = field;
    const value = read(reader, tag & 7, kind);
    if (!name.endsWith("[]")) message[name] = value;
    else {
      const list = name.slice(0, -2);
      message[list] = [...((message[list] as unknown[]) ?? []), value];
    }
  }
  return message;
}

function read(reader: Reader, wireType: number, kind: Kind): unknown {
  const expected = kind === "double" ? 1 : kind === "whole" || kind === "signed" ? 0 : 2;
  if (wireType !== expected) throw new Error(`wire type ${wireType} is not ${expected}`);
  if (kind === "double") return reader.double();
  if (kind === "whole") return Number(reader.varint());
  if (kind === "text") return new TextDecoder("utf-8", { fatal: true }).decode(reader.block());
  if (kind !== "signed") return decode(reader.block(), kind);
  const zigzag = reader.varint();
  return Number(zigzag & 1n ? -(zigzag + 1n) / 2n : zigzag / 2n);
}

class Reader {
  #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error("a number ends beyond the bytes");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  double(): number {
    const { buffer, byteOffset } = this.#bytes;
    this.#at += 8;
    return new DataView(buffer, byteOffset).getFloat64(this.#at - 8, true);
  }

  block(): Uint8Array {
    const end = Number(this.varint()) + this.#at;
    if (end > this.#bytes.length) throw new Error("a field ends beyond the bytes");
    const block = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return block;
  }
}
