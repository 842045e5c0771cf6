import { describe, expect, test } from "bun:test";
import { type Elements, packElements } from "../../../src/queue/elements.ts";
import { Folder } from "../../../src/sample/fold.ts";
import { Templates, TIMED, UNKNOWN } from "../../../src/sample/templates.ts";
import { LIMITS } from "../../support/arbitrary-messages.ts";

const RANGE = 1000;

function range(first: number, text: (i: number) => string): Elements {
  return packElements(Array.from({ length: RANGE }, (_, i) => Buffer.from(text(first + i))));
}

/** Teaches each element of a range that is not known: its meaning is its number. */
function teach(templates: Templates, elements: Elements, first: number): void {
  templates.match(elements);
  for (let i = 0; i < elements.count; i++) {
    if (templates.meaningOf(i) === UNKNOWN && !templates.matchAgain(i)) {
      templates.learn(i, first + i);
    }
  }
}

describe("templates", () => {
  test("keep their meanings apart, however many there are: some of them share a hash", () => {
    const templates = new Templates(1000);
    const COUNT = 1_000_000;
    // They are compared by sixteen bytes, then eight, then the last ones: of each kind all differ in
    // one of these only, and are enough for several that share a hash of 32 bits.
    const text = (i: number) => {
      const word = i.toString(36).padStart(5, "0");
      const value = i % 7;
      switch (i % 5) {
        case 0:
          return `{"a":"${word}","value":${value}}`;
        case 1:
          return `{"value":${value},"${word}":"and a text"}`;
        case 2:
          return `{"value":${value},"abcdef":"${word}":"more"}`;
        case 3:
          return `{"value":${value},"${word}":0}`;
        default:
          return `{"value":${value},"abc":"${word}"}`;
      }
    };
    for (let first = 0; first < COUNT; first += RANGE) {
      teach(templates, range(first, text), first);
    }
    expect(templates.count).toBe(COUNT);
    for (let first = 0; first < COUNT; first += RANGE) {
      expect(templates.match(range(first, text))).toBe(0);
      for (let i = 0; i < RANGE; i++) {
        if (templates.meaningOf(i) !== first + i || templates.valueOf(i) !== (first + i) % 7) {
          expect([templates.meaningOf(i), templates.valueOf(i)]).toEqual([first + i, 0]);
        }
      }
    }
  }, 60_000);

  test("are of an element's own bytes, whatever stands around them", () => {
    const templates = new Templates(1000);
    const taught = packElements([Buffer.from('{"value":1'), Buffer.from('{"value":1}')]);
    teach(templates, taught, 0);
    // Each pair is one piece of memory: what the first one lacks, the second one begins with.
    for (const [text, behind, value] of [
      ['{"value":1', "23", 1],
      ['{"value":12', ".5", 12],
      ['{"value":0.1234', "5678", 0.1234],
      ['{"value":1', "e5", 1],
      ['{"value":1', "}", 1],
    ] as const) {
      templates.match(packElements([Buffer.from(text), Buffer.from(behind)]));
      expect([text, templates.meaningOf(0), templates.valueOf(0)]).toEqual([text, 0, value]);
      expect(templates.meaningOf(1)).toBe(UNKNOWN);
    }
    for (const [text, behind] of [
      ['{"value":', "5}"],
      ['{"value":-', "5}"],
      ['{"value":1.', "5}"],
      ['{"value":1e', "5}"],
      ['{"value":1e-', "5}"],
      ['{"value"', ":5}"],
      ['{"va', 'lue":5}'],
    ]) {
      expect(templates.match(packElements([Buffer.from(text), Buffer.from(behind)]))).toBe(2);
      for (const i of [0, 1]) expect([text, templates.locate(i)]).toEqual([text, undefined]);
    }
  });

  test("are forgotten all at once when they take more than they may", () => {
    const templates = new Templates(1000, 200_000);
    const text = (i: number) => `{"value":1,"a":"${i}"}`;
    let most = 0;
    for (let first = 0; first < 20 * RANGE; first += RANGE) {
      teach(templates, range(first, text), first);
      most = Math.max(most, templates.size);
    }
    // It is looked at once a range.
    expect(most).toBeLessThan(200_000 + RANGE * 100);
    expect(templates.count).toBeGreaterThan(0);
    expect(templates.count).toBeLessThan(10 * RANGE);
  });

  test("take a range that is larger than all before, and stay known", () => {
    const templates = new Templates(10_000_000);
    const small = range(0, () => '{"value":1}');
    teach(templates, small, 0);
    const { size } = templates;
    const large = range(0, (i) => `{"value":${i},"a":"${"x".repeat(2000)}"}`);
    expect(templates.match(large)).toBe(RANGE);
    expect(templates.size).toBeLessThan(size + 100);
    templates.learn(0, 3);
    expect(templates.match(large)).toBe(0);
    expect([templates.meaningOf(999), templates.valueOf(999)]).toEqual([3, 999]);
    expect(templates.match(small)).toBe(0);
    expect([templates.meaningOf(999), templates.valueOf(999)]).toEqual([0, 1]);
  });

  test("take a range of more elements than all before, however small", () => {
    const templates = new Templates(1000);
    const many = packElements(Array.from({ length: 5000 }, (_, i) => Buffer.from(`{"value":${i}`)));
    expect(templates.match(many)).toBe(5000);
    templates.learn(0, 3);
    expect(templates.match(many)).toBe(0);
    expect([...templates.takeValues()]).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect(new Set(templates.takeMeanings())).toEqual(new Set([3]));
  });

  test("with timestamps keep their meanings apart from those without, and from each other", () => {
    const templates = new Templates(1000);
    const timeless = (i: number) => `{"value":${i % 7},"a":"${i}"}`;
    const timed = (i: number) => `{"value":${i % 7},"a":"${i}","timestamp":${i / 8}}`;
    // Without its number it is as long as the one before, and differs in few bytes.
    const early = (i: number) => `{"timestamp":${i / 8},"value":${i % 7},"a":"${i}"}`;
    const kinds = [timeless, timed, early];
    const COUNT = 20 * RANGE;
    const each = (look: (elements: Elements, first: number, kind: number) => void) => {
      for (let first = 0; first < COUNT; first += RANGE) {
        kinds.forEach((text, kind) => {
          look(range(first, text), first, kind);
        });
      }
    };
    each((elements, first, kind) => {
      templates.match(elements);
      for (let i = 0; i < RANGE; i++) {
        templates.learn(i, (kind * COUNT + first + i) | (kind > 0 ? TIMED : 0));
      }
    });
    expect(templates.count).toBe(kinds.length * COUNT);
    each((elements, first, kind) => {
      expect(templates.match(elements)).toBe(0);
      const ids = Array.from({ length: RANGE }, (_, i) => kind * COUNT + first + i);
      expect([...templates.takeMeanings()]).toEqual(ids);
      const times = templates.takeTimestamps();
      if (kind === 0) expect(times).toBeUndefined();
      else expect([...times!]).toEqual(Array.from({ length: RANGE }, (_, i) => (first + i) / 8));
      expect(templates.timestampOf(3)).toBe(kind === 0 ? NaN : (first + 3) / 8);
    });
    templates.forget();
    each((elements) => {
      expect(templates.match(elements)).toBe(RANGE);
    });
  });

  test("of some meanings are unlearnt and taught again, in place, the others stay known", () => {
    const templates = new Templates(1000);
    // Each suffix has several prefixes: its first template stands with it, the others do not.
    const text = (i: number) => `{"a":"${i % 16}","value":1,"b":"${i >> 4}"}`;
    const COUNT = 64 * RANGE;
    const ranges = Array.from({ length: COUNT / RANGE }, (_, i) => range(i * RANGE, text));
    const rangeAt = (first: number) => ranges[first / RANGE];
    for (let first = 0; first < COUNT; first += RANGE) teach(templates, rangeAt(first), first);
    const { size } = templates;
    let seed = 1;
    for (let round = 0; round < 5; round++) {
      const flags = Uint8Array.from({ length: COUNT - RANGE }, () => {
        seed = Math.imul(seed, 48271) >>> 0;
        return Number(seed % 3 === 0);
      });
      const unlearnt = flags.reduce((sum, flag) => sum + flag, 0);
      templates.unlearn(flags);
      expect(templates.count).toBe(COUNT - unlearnt);
      // One at a time: an element stays what it was when the range was looked at.
      let unknown = 0;
      for (let first = 0; first < COUNT; first += RANGE) {
        unknown += templates.match(rangeAt(first));
        for (let i = 0; i < RANGE; i++) {
          const expected = flags[first + i] ? UNKNOWN : first + i;
          if (templates.meaningOf(i) !== expected) {
            expect([first + i, templates.meaningOf(i)]).toEqual([first + i, expected]);
          }
        }
      }
      expect(unknown).toBe(unlearnt);
      for (let first = 0; first < COUNT; first += RANGE) teach(templates, rangeAt(first), first);
      expect(templates.count).toBe(COUNT);
    }
    expect(templates.size).toBe(size);
  }, 60_000);

  test("that were unlearnt stay so when their table grows, until they are taught again", () => {
    const templates = new Templates(1000);
    const text = (i: number) => `{"a":"${i}","value":1}`;
    teach(templates, range(0, text), 0);
    templates.unlearn(new Uint8Array(RANGE).fill(1));
    expect(templates.count).toBe(0);
    for (let first = RANGE; first < 10 * RANGE; first += RANGE) {
      teach(templates, range(first, text), first);
    }
    expect(templates.match(range(0, text))).toBe(RANGE);
    teach(templates, range(0, text), 0);
    expect(templates.count).toBe(10 * RANGE);
    for (let first = 0; first < 10 * RANGE; first += RANGE) {
      expect(templates.match(range(first, text))).toBe(0);
      expect([templates.meaningOf(0), templates.meaningOf(999)]).toEqual([first, first + 999]);
    }
  });

  test("are not made for senders that never repeat themselves, and are again for others", () => {
    const templates = new Templates(1000);
    let learnt = 0;
    while (templates.canLearn && learnt < 2_000_000) {
      templates.match(packElements([Buffer.from(`{"value":1,"a":${learnt++}}`)]));
      templates.learn(0, 0);
    }
    expect(learnt).toBeLessThan(2_000_000);
    const known = range(learnt - 1, () => `{"value":1,"a":${learnt - 1}}`);
    expect(templates.match(known)).toBe(0);
    expect(templates.canLearn).toBe(true);
  }, 60_000);
});

test("a range that is larger than the kernel's memory should be is decoded all the same", () => {
  const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
  const message = Buffer.from('{"type":"gauge","name":"a","value":1}');
  const huge = Buffer.alloc(70 * 1024 * 1024, " ");
  for (let i = 0; i < 2; i++) {
    const batch = folder.fold(packElements([message, huge, message]));
    expect([...batch.values]).toEqual([1, 1]);
    expect(batch.drops.map(({ reason }) => reason)).toEqual(["too_large"]);
  }
  expect([...folder.fold(packElements([message])).values]).toEqual([1]);
});

test("a range whose messages are known makes no string and no buffer of a message", async () => {
  const { heapStats } = await import("bun:jsc");
  const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
  const elements = range(0, (i) => `{"type":"gauge","name":"a","value":${i},"labels":{"b":"c"}}`);
  for (let i = 0; i < 50; i++) folder.fold(elements);
  const counted = () => {
    const { objectTypeCounts: counts } = heapStats();
    return (counts.string ?? 0) + (counts.Buffer ?? 0) + (counts.Uint8Array ?? 0);
  };
  const before = counted();
  for (let i = 0; i < 20; i++) expect(folder.fold(elements).ids.length).toBe(RANGE);
  // Twenty thousand messages; collections may only make it less.
  expect(counted() - before).toBeLessThan(RANGE);
});
