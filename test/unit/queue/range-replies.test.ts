import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Elements, elementAt } from "../../../src/queue/elements.ts";
import { RangeReplies } from "../../../src/queue/range-replies.ts";

/** A reply, as the server sends it, and for an array its elements. */
interface Reply {
  bytes: Buffer;
  elements: Buffer[] | undefined;
}

const line = (text: string): Reply => ({ bytes: Buffer.from(`${text}\r\n`), elements: undefined });

function bulk(content: Buffer): Reply {
  const parts = [Buffer.from(`$${content.length}\r\n`), content, Buffer.from("\r\n")];
  return { bytes: Buffer.concat(parts), elements: undefined };
}

function array(elements: Buffer[]): Reply {
  const head = Buffer.from(`*${elements.length}\r\n`);
  return { bytes: Buffer.concat([head, ...elements.map((e) => bulk(e).bytes)]), elements };
}

/** Gives the chunks to a filter; returns what it passed, and takes each array when it is there. */
function filter(chunks: readonly Buffer[], recycles = true) {
  const passed: Buffer[] = [];
  const arrays: Buffer[][] = [];
  const replies = new RangeReplies((bytes) => passed.push(Buffer.from(bytes)));
  let taken = 0;
  for (const chunk of chunks) {
    replies.write(chunk);
    for (let found = replies.take(taken); found !== undefined; found = replies.take(++taken)) {
      arrays.push(copiesOf(found));
      if (recycles) replies.recycle(found);
    }
  }
  return { passed: Buffer.concat(passed).toString("latin1"), arrays };
}

function copiesOf(elements: Elements): Buffer[] {
  return Array.from({ length: elements.count }, (_, i) => Buffer.from(elementAt(elements, i)));
}

/** What the client is to read, and the arrays with their oldest element first. */
function expected(replies: readonly Reply[]) {
  let id = 0;
  return {
    passed: replies
      .map(({ bytes, elements }) => (elements ? `:${id++}\r\n` : bytes.toString("latin1")))
      .join(""),
    arrays: replies.flatMap(({ elements }) => (elements ? [elements.toReversed()] : [])),
  };
}

const content = fc.oneof(
  fc.constantFrom("", "\r\n", "$3\r\nabc\r\n", "*1\r\n", ":0\r\n").map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.nat({ max: 200_000 }).map((length) => Buffer.alloc(length, "x")),
);

const reply = fc.oneof(
  { weight: 4, arbitrary: fc.array(content, { maxLength: 6 }).map(array) },
  { weight: 1, arbitrary: fc.constantFrom("+OK", "-WRONGTYPE not a list", ":7", "$-1").map(line) },
  { weight: 1, arbitrary: content.map(bulk) },
  { weight: 1, arbitrary: fc.constant<Reply>({ bytes: Buffer.from("*-1\r\n"), elements: [] }) },
);

describe("replies of a connection", () => {
  test("pass unchanged, and arrays are kept, wherever the stream is cut", () => {
    const property = fc.property(
      fc.array(reply, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 9 }),
      (replies, lengths) => {
        const stream = Buffer.concat(replies.map(({ bytes }) => bytes));
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const end = at + lengths[i % lengths.length];
          chunks.push(stream.subarray(at, end));
          at = end;
        }
        expect(filter(chunks)).toEqual(expected(replies));
      },
    );
    fc.assert(property, { numRuns: 1000 });
  });

  test("are the same for each place where a short stream is cut in two", () => {
    const replies = [
      line("+OK"),
      array([Buffer.from("ab"), Buffer.from(""), Buffer.from("c\r\n")]),
      bulk(Buffer.from("INFO\r\nx")),
      array([]),
      line("-ERR no"),
      array([Buffer.from("d")]),
      line(":12"),
    ];
    const stream = Buffer.concat(replies.map(({ bytes }) => bytes));
    for (let at = 0; at <= stream.length; at++) {
      const chunks = [stream.subarray(0, at), stream.subarray(at)];
      expect(filter(chunks)).toEqual(expected(replies));
    }
    expect(filter([...stream].map((byte) => Buffer.of(byte)))).toEqual(expected(replies));
  });

  test("may hold more elements than there was room for at first", () => {
    const replies = [3000, 10, 5000].map((count) =>
      array(Array.from({ length: count }, (_, i) => Buffer.from(String(i)))),
    );
    const stream = Buffer.concat(replies.map(({ bytes }) => bytes));
    for (const recycles of [true, false]) {
      expect(filter([Buffer.from(stream)], recycles)).toEqual(expected(replies));
    }
  });

  test("that are a null array hold no elements", () => {
    const replies = new RangeReplies(() => {});
    replies.write(Buffer.from("*-1\r\n"));
    expect(replies.take(0)?.count).toBe(0);
  });

  test("that hold something else than strings are an error, not a wrong answer", () => {
    const faulty = ["*1\r\n:1\r\n", "*1\r\n*0\r\n", "*x\r\n", "*2\r\n$1\r\na\r\n+b\r\n"];
    for (const length of ["1x", "", "-1", "+1", " 1"]) faulty.push(`*1\r\n$${length}\r\na\r\n`);
    for (const text of faulty) {
      const replies = new RangeReplies(() => {});
      expect(() => replies.write(Buffer.from(text))).toThrow("no RESP");
    }
  });
});

test("memory of an array in two chunks is used again once it is given back, and never before", () => {
  const replies = new RangeReplies(() => {});
  const next = (text: string) => {
    const { bytes } = array([Buffer.from(text)]);
    replies.write(bytes.subarray(0, 6));
    replies.write(bytes.subarray(6));
  };
  next("first");
  const first = replies.take(0)!;
  next("second");
  next("third");
  expect(elementAt(first, 0).toString()).toBe("first");
  expect(replies.take(0)).toBeUndefined();
  replies.recycle(first);
  next("fourth");
  next("fifth");
  expect([3, 4].some((id) => replies.take(id)?.bytes === first.bytes)).toBe(true);
  expect(elementAt(replies.take(1)!, 0).toString()).toBe("second");
});

describe("a chunk", () => {
  const chunkOf = (...replies: Reply[]) => {
    const bytes = Buffer.concat(replies.map((each) => each.bytes));
    const chunk = Buffer.allocUnsafeSlow(bytes.length);
    chunk.set(bytes);
    return chunk;
  };

  test("is freed when all arrays in it are given back", () => {
    const replies = new RangeReplies(() => {});
    const chunk = chunkOf(array([Buffer.from("first")]), array([Buffer.from("second")]));
    replies.write(chunk);
    const [first, second] = [replies.take(0)!, replies.take(1)!];
    expect(second.bytes.buffer).toBe(chunk.buffer);
    replies.recycle(second);
    expect(elementAt(first, 0).toString()).toBe("first");
    replies.recycle(first);
    expect(chunk.length).toBe(0);
  });

  test("is freed when the array that begins in it has been copied", () => {
    const replies = new RangeReplies(() => {});
    const chunk = chunkOf(array([Buffer.from("first"), Buffer.from("second")]));
    const [head, tail] = [Buffer.allocUnsafeSlow(20), Buffer.allocUnsafeSlow(chunk.length - 20)];
    head.set(chunk.subarray(0, 20));
    tail.set(chunk.subarray(20));
    replies.write(head);
    replies.write(tail);
    expect([head.length, tail.length]).toEqual([0, 0]);
    expect(copiesOf(replies.take(0)!)).toEqual([Buffer.from("second"), Buffer.from("first")]);
  });

  test("is not freed when something in it has passed, or is not its own", () => {
    const passed: Buffer[] = [];
    const replies = new RangeReplies((bytes) => passed.push(bytes));
    const chunk = chunkOf(array([Buffer.from("first")]), bulk(Buffer.from("text")));
    replies.write(chunk);
    replies.recycle(replies.take(0)!);
    expect(Buffer.concat(passed).toString()).toBe(":0\r\n$4\r\ntext\r\n");

    const whole = chunkOf(array([Buffer.from("first")]), line("+OK"));
    replies.write(whole.subarray(0, -5));
    replies.recycle(replies.take(1)!);
    expect(whole.toString()).toEndWith("first\r\n+OK\r\n");
  });
});

test("arrays stay what they are until they are given back, whenever that is", () => {
  const elements = fc.array(content, { maxLength: 4 });
  // Of each array, how many more are read before it is taken, and before it is given back.
  const plan = fc.array(fc.tuple(elements, fc.nat({ max: 4 }), fc.nat({ max: 4 })), {
    minLength: 1,
    maxLength: 12,
  });
  const property = fc.property(plan, fc.integer({ min: 1, max: 70_000 }), (steps, length) => {
    const replies = new RangeReplies(() => {});
    const held: { elements: Elements; texts: Buffer[]; until: number }[] = [];
    const giveBack = (now: number) => {
      for (const each of held.filter(({ until }) => until <= now)) {
        expect(copiesOf(each.elements)).toEqual(each.texts);
        replies.recycle(each.elements);
        held.splice(held.indexOf(each), 1);
      }
    };
    for (let now = 0; now < steps.length + 10; now++) {
      const stream = now < steps.length ? array(steps[now][0]).bytes : Buffer.alloc(0);
      for (let at = 0; at < stream.length; at += length) {
        replies.write(stream.subarray(at, at + length));
        // In the middle of the next one, too.
        giveBack(now);
      }
      for (const [id, [texts, takenAfter, keptFor]] of steps.entries()) {
        if (id + takenAfter !== now) continue;
        const elements = replies.take(id)!;
        held.push({ elements, texts: texts.toReversed(), until: now + keptFor });
      }
      giveBack(now);
    }
    expect(held).toEqual([]);
  });
  fc.assert(property, { numRuns: 500 });
});
