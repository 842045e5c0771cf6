import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import {
  type ExpectedMetadata,
  expectedMetadata,
  expectedSeries,
  type ScrapedFormat,
  type SeriesExemplar,
} from "../support/expected-series.ts";
import { type PrometheusServer, startPrometheus, type Vector } from "../support/prometheus.ts";
import { type Relay, startRelay } from "../support/relay.ts";
import {
  exemplarsOf,
  faultsOf,
  keyOf,
  type SeenExemplars,
  type SeenSeries,
  seenSeries,
} from "../support/seen-series.ts";
import { SHOWCASES } from "../support/showcase.ts";
import { type ShowcaseGateway, startShowcaseGateway } from "../support/showcase-gateway.ts";
import { until } from "../support/until.ts";

interface FormatRow {
  format: ScrapedFormat;
  /** What makes Prometheus 2.42 ask for it. */
  features: string[];
  /** What is asked for in its place: it has no setting for the text format. */
  accept?: string;
  contentType: string;
  /** Queries of what is made of buckets, and their values. */
  derived: [expression: string, value: number][];
}

/** Of observations 0.3, 0.2, 3 and 50 below 0.5, 10 and +Inf: the second one ends the first bucket. */
const CLASSIC: FormatRow["derived"] = [
  ["histogram_quantile(0.5, both_seconds_bucket)", 0.5],
  ["histogram_quantile(0.25, both_seconds_bucket)", 0.25],
  ["histogram_quantile(0.75, both_seconds_bucket)", 10],
];

const FORMATS: FormatRow[] = [
  {
    format: "text",
    features: ["exemplar-storage"],
    accept: "text/plain;version=0.0.4",
    contentType: "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
    derived: CLASSIC,
  },
  {
    format: "openmetrics",
    features: ["exemplar-storage"],
    contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
    derived: CLASSIC,
  },
  {
    format: "protobuf",
    features: ["exemplar-storage", "native-histograms"],
    contentType:
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; " +
      "encoding=delimited; escaping=underscores",
    derived: [
      ["histogram_count(both_seconds)", 4],
      ["histogram_sum(both_seconds)", 53.5],
      // NaN, 1 and 3 in buckets that end at powers of two.
      ["histogram_count(a_native_histogram_of_NaN_among_others)", 3],
      // 1, two in (1, 4] and five in (4, 16]: the fourth is a fifth of the way into the last one.
      ["histogram_quantile(0.5, equal)", 6.4],
      ["histogram_quantile(0.25, equal)", 2.5],
    ],
  },
];

let showcase: ShowcaseGateway;

beforeAll(async () => {
  showcase = await startShowcaseGateway();
});

afterAll(() => showcase.stop());

for (const { format, features, accept, contentType, derived } of FORMATS) {
  describe(`Prometheus reads by ${format}`, () => {
    let relay: Relay;
    let prometheus: PrometheusServer;
    /** Of one scrape. */
    let at: string;
    let seen: SeenSeries;
    let exemplars: SeenExemplars[];
    let metadata: Record<string, Omit<ExpectedMetadata, "name">[]>;

    beforeAll(async () => {
      relay = startRelay(showcase.gateway.url, accept);
      prometheus = await startPrometheus(scrapeConfig(relay.target), features);
      const [scrapedAt] = await until(
        "it has scraped",
        async () => {
          const times = await prometheus.query("timestamp(last)");
          return times.length > 0 && times;
        },
        30_000,
      );
      at = String(scrapedAt);
      seen = seenSeries(await get<Vector>("query", { query: '{job="gateway"}', time: at }));
      const period = { start: "0", end: String(scrapedAt + 60) };
      exemplars = await get("query_exemplars", { query: '{job="gateway"}', ...period });
      metadata = await get("metadata");
    });

    afterAll(async () => {
      await prometheus.stop();
      await relay.stop();
    });

    for (const { what, families } of SHOWCASES) {
      const expected = families.flatMap((family) => expectedSeries(family, format));

      test(what, () => {
        expect(faultsOf(expected, seen, showcase.began)).toEqual([]);
        for (const family of families) {
          const { name, ...about } = expectedMetadata(family, format);
          expect(metadata[name]).toEqual([about]);
        }
        const scraped = { from: showcase.began.to, to: Number(at) + 60 };
        const withExemplars = expected.filter((series) => series.exemplars.length > 0);
        expect(Object.fromEntries(exemplarsOf(expected, exemplars, scraped))).toEqual(
          Object.fromEntries(
            withExemplars.map((series) => [
              keyOf(series.labels),
              series.exemplars.map((exemplar) => asPrometheusReads(exemplar, format)),
            ]),
          ),
        );
      });
    }

    test("there are no other series", async () => {
      const expected = SHOWCASES.flatMap(({ families }) => families)
        .flatMap((family) => expectedSeries(family, format))
        .map(({ labels }) => keyOf(labels));
      const match = '{job="gateway",__name__!~"prom_stream_gateway_.*|up|scrape_.*|last"}';
      const found = await get<Record<string, string>[]>("series", { "match[]": match });
      expect(found.map((labels) => keyOf(labels)).toSorted()).toEqual(expected.toSorted());
    });

    for (const [expression, value] of derived) {
      test(`${expression} is ${value}`, async () => {
        const { result } = await get<Vector>("query", { query: expression, time: at });
        expect(result.map((series) => Number(series.value?.[1]))).toEqual([value]);
      });
    }

    test("the gateway's own metrics have their types and values", async () => {
      const counter = "prom_stream_gateway_processed_metrics";
      const names = {
        text: `${counter}_total`,
        openmetrics: counter,
        protobuf: `${counter}_total`,
      };
      expect(metadata[names[format]]).toMatchObject([{ type: "counter" }]);
      expect(metadata.prom_stream_gateway_info).toMatchObject([{ type: "gauge" }]);
      expect(metadata.prom_stream_gateway_batch_size_samples).toMatchObject([
        { type: "histogram" },
      ]);
      const query = `sum(${counter}_total)`;
      const { result } = await get<Vector>("query", { query, time: at });
      expect(result[0]?.value?.[1]).toBe(String(showcase.samples));
    });

    test("it has no complaint, and got the format compressed", async () => {
      const targets = await get<{ activeTargets: object[] }>("targets");
      expect(targets.activeTargets).toMatchObject([{ health: "up", lastError: "" }]);
      const { result } = await get<Vector>("query", { query: "up", time: at });
      expect(result[0]?.value?.[1]).toBe("1");
      const { asked, answered, status } = relay.scrapes.at(-1)!;
      expect(status).toBe(200);
      expect(answered.get("content-type")).toBe(contentType);
      expect(asked.get("accept-encoding")).toBe("gzip");
      expect(answered.get("content-encoding")).toBe("gzip");
      const headers = { ...Object.fromEntries(asked), ...(accept && { accept }) };
      const raw = await fetch(`${showcase.gateway.url}/metrics`, { headers, decompress: false });
      const bytes = await raw.bytes();
      expect(raw.headers.get("content-type")).toBe(contentType);
      expect(gunzipSync(bytes).length).toBeGreaterThan(bytes.length * 2);
    });

    async function get<T>(path: string, parameters?: Record<string, string>): Promise<T> {
      const data = await prometheus.get<T>(path, parameters);
      if (data === undefined) throw new Error(`Prometheus does not answer ${path}`);
      return data;
    }
  });
}

/** Of OpenMetrics Prometheus takes the values of an exemplar's labels as they are written, escaped. */
function asPrometheusReads(exemplar: SeriesExemplar, format: ScrapedFormat): SeriesExemplar {
  if (format !== "openmetrics") return exemplar;
  const labels = Object.entries(exemplar.labels).map(([name, value]) => [
    name,
    value.replaceAll('"', '\\"'),
  ]);
  return { ...exemplar, labels: Object.fromEntries(labels) };
}

function scrapeConfig(target: string): string {
  const often = "scrape_interval: 1s, scrape_timeout: 1s";
  const targets = `static_configs: [{ targets: ["${target}"] }]`;
  return `scrape_configs: [{ job_name: gateway, ${often}, ${targets} }]\n`;
}
