import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { expectedMetadata, expectedSeries } from "../support/expected-series.ts";
import { OpenMetricsParser, type ParsedFamily } from "../support/open-metrics-parser.ts";
import { faultsOf, keyOf } from "../support/seen-series.ts";
import { SHOWCASES } from "../support/showcase.ts";
import { type ShowcaseGateway, startShowcaseGateway } from "../support/showcase-gateway.ts";

const ACCEPTS = {
  text: "text/plain;version=0.0.4",
  OpenMetrics: "application/openmetrics-text;version=1.0.0",
  "OpenMetrics with UTF-8 names": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
  protobuf:
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
};

const DECODERS: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  gzip: (bytes) => gunzipSync(bytes),
  zstd: (bytes) => zstdDecompressSync(bytes),
};

let showcase: ShowcaseGateway;

beforeAll(async () => {
  showcase = await startShowcaseGateway();
});

afterAll(() => showcase.stop());

describe("the strict parser of OpenMetrics reads", () => {
  let families: Map<string, ParsedFamily>;

  beforeAll(async () => {
    const parser = new OpenMetricsParser();
    const response = await get(ACCEPTS.OpenMetrics, "identity");
    const parsed = await parser.parse(await response.text());
    families = new Map(parsed.map((family) => [family.name, family]));
    parser.stop();
  });

  for (const { what, families: shown } of SHOWCASES) {
    test(what, () => {
      for (const family of shown) {
        const { name, type, help, unit } = expectedMetadata(family, "openmetrics");
        expect(families.get(name)).toMatchObject({ type, help, unit });
        const { samples } = families.get(name)!;
        const keys = samples.map((sample) => keyOf({ ...sample.labels, __name__: sample.name }));
        const expected = expectedSeries(family, "openmetrics");
        expect(keys.toSorted()).toEqual(expected.map(({ labels }) => keyOf(labels)).toSorted());
        const seen = new Map(samples.map(({ value }, i) => [keys[i], value]));
        expect(faultsOf(expected, seen, showcase.began)).toEqual([]);
        const exemplars = new Map(samples.map(({ exemplar }, i) => [keys[i], exemplar]));
        for (const series of expected) {
          const [exemplar] = series.exemplars;
          const wanted = exemplar ? { timestamp: null, ...exemplar } : null;
          expect(exemplars.get(keyOf(series.labels))).toEqual(wanted);
        }
      }
    });
  }

  test("the gateway's own metrics", async () => {
    const own = [...families.values()].filter(({ name }) => name.startsWith("prom_stream_"));
    const text = await showcase.gateway.metrics();
    const inText = [...text.matchAll(/^# TYPE (prom_stream_\w+) (\w+)$/gm)].map(
      ([, name, type]) => [type === "counter" ? name.replace(/_total$/, "") : name, type],
    );
    expect(own.map(({ name, type }) => [name, type])).toEqual(inText);
    expect(own.filter(({ help }) => help === "")).toEqual([]);
  });
});

test("promtool parses the text, and dislikes only a label's name of the gateway's own metrics", async () => {
  const child = Bun.spawn(["promtool", "check", "metrics"], {
    stdin: new Blob([await showcase.gateway.metrics()]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const said =
    (await new Response(child.stderr).text()) + (await new Response(child.stdout).text());
  // 3: parsed, but some names and missing helps of what was pushed are bad style. 1: not parsed.
  expect(await child.exited).toBe(3);
  const own = said.split("\n").filter((line) => line.startsWith("prom_stream_gateway_"));
  // The label queueKey is the name that users of the earlier gateway have in their dashboards.
  expect(own.filter((line) => !line.includes("'camelCase'"))).toEqual([]);
  expect(said).not.toContain("error while linting");
});

for (const [format, accept] of Object.entries(ACCEPTS)) {
  for (const [encoding, decode] of Object.entries(DECODERS)) {
    test(`${format} by ${encoding} is the same to the byte as without`, async () => {
      const plain = await get(accept, "identity", ofShowcases());
      expect(plain.headers.get("content-encoding")).toBe(null);
      const wanted = Buffer.from(await plain.bytes());
      expect(wanted.length).toBeGreaterThan(100_000);
      const encoded = await get(accept, encoding, ofShowcases());
      expect(encoded.headers.get("content-encoding")).toBe(encoding);
      expect(encoded.headers.get("content-type")).toBe(plain.headers.get("content-type"));
      expect(Buffer.compare(decode(await encoded.bytes()), wanted)).toBe(0);
    });
  }
}

function get(accept: string, encoding: string, query = ""): Promise<Response> {
  const headers = { Accept: accept, "Accept-Encoding": encoding };
  return fetch(`${showcase.gateway.url}/metrics${query}`, { headers, decompress: false });
}

/** A filter that leaves out what changes meanwhile. A unit may have become a part of a name. */
function ofShowcases(): string {
  const names = SHOWCASES.flatMap(({ messages, families }) => [
    ...messages.map((message) => (message as { name: string }).name),
    ...families.map(({ name }) => name),
  ]);
  return `?${[...new Set(names)].map((name) => `name[]=${encodeURIComponent(name)}`).join("&")}`;
}
