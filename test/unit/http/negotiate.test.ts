import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { contentTypeOf, ESCAPING_SCHEMES } from "../../../src/exposition/format.ts";
import { negotiateEncoding, negotiateFormat } from "../../../src/http/negotiate.ts";

const PROTO =
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
const TEXT_0 = "text/plain 0.0.4 underscores";

/** What a scraper sends, from its sources, and what it gets: kind, version, escaping. */
const SCRAPERS: [name: string, accept: string | null, shown: string][] = [
  [
    "Prometheus 1",
    `${PROTO};q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1`,
    "protobuf underscores",
  ],
  [
    "Prometheus 0.16",
    `${PROTO};q=0.7,text/plain;version=0.0.4;q=0.3,application/json;schema="prometheus/telemetry";version=0.0.2;q=0.2,*/*;q=0.1`,
    "protobuf underscores",
  ],
  ["Prometheus 2.0", "text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT_0],
  [
    "Prometheus 2.5",
    "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "openmetrics 0.0.1 underscores",
  ],
  [
    "Prometheus 2.42",
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "openmetrics 1.0.0 underscores",
  ],
  [
    "Prometheus 2.42 with native histograms",
    `${PROTO},application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    "protobuf underscores",
  ],
  [
    "Prometheus 2.55",
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "openmetrics 1.0.0 underscores",
  ],
  [
    "Prometheus 3.0",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2",
    "openmetrics 1.0.0 allow-utf-8",
  ],
  [
    "Prometheus 3.0 with native histograms",
    `${PROTO};escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.2,*/*;q=0.1`,
    "protobuf allow-utf-8",
  ],
  [
    "Prometheus 3.5",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "openmetrics 1.0.0 allow-utf-8",
  ],
  [
    "Prometheus 3.5 with legacy names",
    "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=underscores;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "openmetrics 1.0.0 underscores",
  ],
  ["vmagent", "text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT_0],
  [
    "Grafana Agent and the OpenTelemetry collector, before Prometheus 3",
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "openmetrics 1.0.0 underscores",
  ],
  ["Telegraf", `${PROTO};q=0.7,text/plain;version=0.0.4;q=0.3`, "protobuf underscores"],
  [
    "Telegraf 1.16",
    `${PROTO};q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1`,
    "protobuf underscores",
  ],
  [
    "the Datadog agent",
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "openmetrics 1.0.0 underscores",
  ],
  ["Metricbeat", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", TEXT_0],
  ["curl", "*/*", TEXT_0],
  [
    "a browser",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    TEXT_0,
  ],
  ["one without the header", null, TEXT_0],
];

describe("a format is negotiated with", () => {
  for (const [name, accept, shown] of SCRAPERS) {
    test(name, () => {
      expect(shownOf(accept)).toBe(shown);
    });
  }
});

/** Cases of prometheus/common, `TestNegotiateIncludingOpenMetrics`, where the default is `values`. */
const OF_COMMON: [accept: string, contentType: string][] = [
  [
    "application/openmetrics-text",
    "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores",
  ],
  [
    "application/openmetrics-text;version=0.0.1; escaping=values",
    "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=values",
  ],
  [
    "application/openmetrics-text;version=1.0.0",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
  ],
  [
    "application/openmetrics-text;version=1.0.0; escaping=values;",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
  ],
  [
    "application/openmetrics-text;version=0.0.4",
    "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
  ],
  ["text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"],
  [
    "text/plain;version=0.0.4; escaping=allow-utf-8",
    "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8",
  ],
  [
    `${PROTO}; escaping=allow-utf-8;`,
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8",
  ],
];

describe("as client_golang does it, an answer to", () => {
  for (const [accept, contentType] of OF_COMMON) {
    test(`${accept} is ${contentType}`, () => {
      expect(contentTypeOf(negotiateFormat(accept))).toBe(contentType);
    });
  }
});

const FORMATS: [accept: string, shown: string][] = [
  ["", TEXT_0],
  ["text/plain", TEXT_0],
  ["text/plain;version=1.0.0", "text/plain 1.0.0 underscores"],
  ["text/plain;version=2.0.0", TEXT_0],
  [
    "application/openmetrics-text;version=2.0.0,text/plain;version=1.0.0;q=0.1",
    "text/plain 1.0.0 underscores",
  ],
  ["text/plain;q=0.1,application/openmetrics-text;q=0.2", "openmetrics 0.0.1 underscores"],
  ["text/plain;version=1.0.0,application/openmetrics-text", "text/plain 1.0.0 underscores"],
  ["application/openmetrics-text;q=0", TEXT_0],
  [
    "application/openmetrics-text;q=0.000,text/plain;version=1.0.0;q=0.001",
    "text/plain 1.0.0 underscores",
  ],
  [
    "application/openmetrics-text;q=x,text/plain;version=1.0.0;q=0.001",
    "text/plain 1.0.0 underscores",
  ],
  ["*/*,application/openmetrics-text;q=0.1", "openmetrics 0.0.1 underscores"],
  ["text/*;q=1,application/*;q=0.5", TEXT_0],
  ["Application/OpenMetrics-Text; Version=1.0.0; Q=0.5", "openmetrics 1.0.0 underscores"],
  ['application/openmetrics-text;version="1.0.0"', "openmetrics 1.0.0 underscores"],
  ['application/openmetrics-text;version="1\\.0.0"', "openmetrics 1.0.0 underscores"],
  [
    'a/b;c=",text/plain;version=1.0.0;q=1,";q=0.1,application/openmetrics-text;q=0.05',
    "openmetrics 0.0.1 underscores",
  ],
  ['application/openmetrics-text;version="1.0.0', "openmetrics 0.0.1 underscores"],
  ["\tapplication/openmetrics-text\t;\tversion\t=\t1.0.0\t", "openmetrics 1.0.0 underscores"],
  [",,;q=1,/;q=1,text,application/openmetrics-text", "openmetrics 0.0.1 underscores"],
  ["application/openmetrics-text;unknown=1;charset=utf-8", "openmetrics 0.0.1 underscores"],
  ["text/plain;escaping=dots", "text/plain 0.0.4 dots"],
  ["text/plain;escaping=unknown", TEXT_0],
  ["text/plain;escaping=unknown;version=1.0.0,*/*;escaping=dots", "text/plain 1.0.0 underscores"],
  ["text/plain;version=9;escaping=dots,text/plain;q=0.5", "text/plain 0.0.4 dots"],
  ["text/plain;version=9;escaping=dots;q=0,text/plain;q=0.5", TEXT_0],
  ["application/vnd.google.protobuf", TEXT_0],
  [PROTO.replace("delimited", "text"), TEXT_0],
  [PROTO.replace("io.prometheus", "org.prometheus"), TEXT_0],
];

describe("the format for Accept", () => {
  for (const [accept, shown] of FORMATS) {
    test(`${JSON.stringify(accept)} is ${shown}`, () => {
      expect(shownOf(accept)).toBe(shown);
    });
  }
});

/** Prometheus' `scrape_protocols`, each with its media type. */
const PROTOCOLS = {
  PrometheusProto: { type: PROTO, shown: "protobuf" },
  "PrometheusText0.0.4": { type: "text/plain;version=0.0.4", shown: "text/plain 0.0.4" },
  "PrometheusText1.0.0": { type: "text/plain;version=1.0.0", shown: "text/plain 1.0.0" },
  "OpenMetricsText0.0.1": {
    type: "application/openmetrics-text;version=0.0.1",
    shown: "openmetrics 0.0.1",
  },
  "OpenMetricsText1.0.0": {
    type: "application/openmetrics-text;version=1.0.0",
    shown: "openmetrics 1.0.0",
  },
};

type Protocol = keyof typeof PROTOCOLS;

describe("the first of scrape_protocols, in whichever order they are, is taken, as sent by", () => {
  const names = Object.keys(PROTOCOLS) as Protocol[];
  for (const [version, takesEscaping] of [
    ["a Prometheus that says nothing of escaping", () => false],
    ["Prometheus 3.0", () => true],
    ["Prometheus 3.5", (name: Protocol) => name.endsWith("1.0.0")],
  ] as [string, (name: Protocol) => boolean][]) {
    test(version, () => {
      const faults: string[] = [];
      for (const order of ordersOf(names)) {
        const accept = acceptOf(order, takesEscaping);
        const escaping = takesEscaping(order[0]) ? "allow-utf-8" : "underscores";
        const expected = `${PROTOCOLS[order[0]].shown} ${escaping}`;
        const shown = shownOf(accept);
        if (shown !== expected) faults.push(`${accept}: ${shown}`);
      }
      expect(faults).toEqual([]);
    });
  }
});

test("whatever Accept says, the format is one that can be rendered", () => {
  const pieces = fc.constantFrom(
    ...["text/plain", "application/openmetrics-text", PROTO, "*/*", ",", ";", "=", '"', "\\", " "],
    ...["q", "q=0", "q=1", "version=", "1.0.0", "escaping=", "dots", "allow-utf-8", "\u00e9", "\n"],
  );
  const header = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(pieces).map((texts) => texts.join("")),
  );
  const renderable = ["text/plain 0.0.4", "text/plain 1.0.0", "openmetrics 0.0.1"];
  const known = [...renderable, "openmetrics 1.0.0", "protobuf"].flatMap((format) =>
    ESCAPING_SCHEMES.map((escaping) => `${format} ${escaping}`),
  );
  fc.assert(
    fc.property(header, (accept) => known.includes(shownOf(accept))),
    { numRuns: 5000 },
  );
});

const ENCODINGS: [acceptEncoding: string | null, encoding: string][] = [
  [null, "identity"],
  ["", "identity"],
  ["gzip", "gzip"],
  ["zstd", "zstd"],
  ["identity", "identity"],
  ["gzip, deflate, br", "gzip"],
  ["gzip, deflate, br, zstd", "zstd"],
  ["deflate, gzip, br, zstd, identity", "zstd"],
  ["zstd;q=0.5, gzip", "gzip"],
  ["gzip;q=0.001", "gzip"],
  ["gzip;q=0", "identity"],
  ["gzip;q=0.5, identity", "identity"],
  ["gzip;q=0.5, identity;q=0.5", "gzip"],
  ["GZip", "gzip"],
  ["x-gzip", "gzip"],
  ["*", "zstd"],
  ["*;q=0", "identity"],
  ["gzip, *;q=0", "gzip"],
  ["zstd;q=0, *", "gzip"],
  ["zstd;q=0, gzip;q=0, *", "identity"],
  ["identity;q=0", "identity"],
  ["identity;q=0, gzip;q=0.1", "gzip"],
  ["*;q=0.1, gzip;q=0.05", "zstd"],
  ["br;q=1, deflate", "identity"],
  ["gzip;q=high", "identity"],
  [",;,gzip", "gzip"],
];

describe("the encoding for Accept-Encoding", () => {
  for (const [acceptEncoding, encoding] of ENCODINGS) {
    test(`${JSON.stringify(acceptEncoding)} is ${encoding}`, () => {
      expect(negotiateEncoding(acceptEncoding)).toBe(encoding as "identity");
    });
  }
});

function shownOf(accept: string | null): string {
  const { kind, version, escaping } = negotiateFormat(accept);
  return [kind === "text" ? "text/plain" : kind, version, escaping].filter(Boolean).join(" ");
}

/** All orders of one or more of them. */
function ordersOf(names: readonly Protocol[]): Protocol[][] {
  return names.flatMap((first) => {
    const rest = names.filter((name) => name !== first);
    return [[first], ...ordersOf(rest).map((order) => [first, ...order])];
  });
}

/** The header that Prometheus makes of them. Source: prometheus/prometheus, `scrape/scrape.go`. */
function acceptOf(order: readonly Protocol[], takesEscaping: (name: Protocol) => boolean): string {
  let weight = Object.keys(PROTOCOLS).length + 1;
  const types = order.map((name) => {
    const escaping = takesEscaping(name) ? ";escaping=allow-utf-8" : "";
    return `${PROTOCOLS[name].type}${escaping};q=0.${weight--}`;
  });
  return [...types, `*/*;q=0.${weight}`].join(",");
}
