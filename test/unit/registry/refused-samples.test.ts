import { expect, test } from "bun:test";
import { ByteWriter } from "../../../src/registry/bytes.ts";
import type { RegistryOptions } from "../../../src/registry/options.ts";
import type { Registry } from "../../../src/registry/registry.ts";
import type { DropReason } from "../../../src/sample/drop-reason.ts";
import { Folder } from "../../../src/sample/fold.ts";
import { LIMITS } from "../../support/arbitrary-messages.ts";
import { Feed } from "../../support/feed.ts";
import { makeRegistry } from "../../support/registry.ts";
import { rendered } from "../../support/rendered.ts";

const START_MS = 1_700_000_040_000;

interface Case {
  what: string;
  reason: DropReason;
  /** Fields of the messages before it, and of the one that is refused. */
  before: string[];
  refused: string;
  options?: Partial<RegistryOptions>;
}

const OWN_LABEL = '"labels":{"a":"new"},"help":"H"';
const COUNTED = '"type":"histogram","name":"h","buckets":[2,4],"help":"","value":3';

const CASES: Case[] = [
  {
    what: "counts for other buckets than a family has, with a label set that is new",
    reason: "invalid_counts",
    before: [COUNTED],
    refused: `"type":"histogram","name":"h","counts":[1,2],"sum":9,"buckets":[2],${OWN_LABEL}`,
  },
  {
    what: "counts for other buckets, with a label set that is known",
    reason: "invalid_counts",
    before: [COUNTED],
    refused: '"type":"histogram","name":"h","counts":[1,2],"sum":9,"buckets":[2],"help":"H"',
  },
  {
    what: "counts for a family with native buckets",
    reason: "invalid_counts",
    before: [`${COUNTED},"native":true`],
    refused: `"type":"histogram","name":"h","counts":[1,2,3],"sum":9,"buckets":[2,4],${OWN_LABEL}`,
  },
  {
    what: "counts for other buckets, where the overflow series would take them",
    reason: "invalid_counts",
    before: [COUNTED],
    refused: `"type":"histogram","name":"h","counts":[1,2],"sum":9,"buckets":[2],${OWN_LABEL}`,
    options: { maxSeriesPerFamily: 1, onLimit: "overflow" },
  },
  {
    what: "a sample that is too old",
    reason: "too_old",
    before: [COUNTED],
    refused: `"type":"gauge","name":"g","value":1,"timestamp":1600000000,"ttl":9,${OWN_LABEL}`,
  },
  {
    what: "a type that the family does not have",
    reason: "type_conflict",
    before: ['"type":"counter","name":"c","value":1'],
    refused: `"type":"gauge","name":"c","value":1,"ttl":9,${OWN_LABEL}`,
  },
  {
    what: "a name that another family shows",
    reason: "name_collision",
    before: [COUNTED],
    refused: `"type":"counter","name":"h_count","value":1,${OWN_LABEL}`,
  },
  {
    what: "a name of the gateway's own",
    reason: "reserved_name",
    before: [],
    refused: `"type":"counter","name":"own_c","value":1,${OWN_LABEL}`,
  },
  {
    what: "a histogram whose family nobody has given buckets",
    reason: "invalid_buckets",
    before: [],
    refused: `"type":"histogram","name":"h","value":1,${OWN_LABEL}`,
  },
  {
    what: "a series too many in its family",
    reason: "series_limit",
    before: ['"type":"gauge","name":"g","value":1'],
    refused: `"type":"gauge","name":"g","value":2,"op":"add","ttl":9,${OWN_LABEL}`,
    options: { maxSeriesPerFamily: 1 },
  },
  {
    what: "a series too many, in a family that is new",
    reason: "series_limit",
    before: ['"type":"gauge","name":"g","value":1'],
    refused: `"type":"summary","name":"s","value":2,"quantiles":[0.5],"epsilons":[0.1],${OWN_LABEL}`,
    options: { maxSeries: 1, onLimit: "overflow" },
  },
];

for (const { what, reason, before, refused, options } of CASES) {
  test(`leaves nothing behind of ${what}`, () => {
    const [registry, other] = [registryOf(options), registryOf(options)];
    const feed = feedOf(registry);
    const { drops } = feed.push([...before, refused].map(messageOf), START_MS);
    feedOf(other).push(before.map(messageOf), START_MS);
    expect(drops.map((drop) => [drop.reason, drop.count])).toEqual([[reason, 1]]);
    expect(registry.seriesCount).toBe(other.seriesCount);
    expect(registry.familyCount).toBe(other.familyCount);
    expect(rendered(registry.snapshot(START_MS))).toBe(rendered(other.snapshot(START_MS)));
    expect(stateOf(registry)).toEqual(stateOf(other));
    // Nor later: an index or a slot that was lost would show.
    const after = [messageOf('"type":"gauge","name":"last","value":1')];
    feed.push(after, START_MS);
    feedOf(other).push(after, START_MS);
    expect(stateOf(registry)).toEqual(stateOf(other));
  });
}

function registryOf(options: Case["options"]): Registry {
  return makeRegistry({ isReservedName: (name) => name.startsWith("own_"), ...options });
}

function messageOf(fields: string): string {
  return `{${fields}}`;
}

function feedOf(registry: Registry): Feed {
  const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
  return new Feed(registry, folder, { maxAgeMs: 60_000 });
}

/** All that a checkpoint would have. */
function stateOf(registry: Registry): Buffer {
  registry.markAllChanged();
  const writer = new ByteWriter();
  while (!registry.writeChanges(writer, 1e6));
  return Buffer.from(writer.take());
}
