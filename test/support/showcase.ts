import type { Showcase } from "./expected-family.ts";
import { NATIVE_SHOWCASES } from "./showcase-native.ts";
import { OBSERVED_SHOWCASES } from "./showcase-observed.ts";

const NOTE = 'quote " backslash \\ line\nend \\n tab\t grüße 🚀';

const COUNTERS_AND_GAUGES: Showcase[] = [
  {
    what: "a counter adds up, with help and labels of all kinds",
    messages: [
      {
        ...{ type: "counter", name: "done_total", value: 2 },
        ...{
          help: 'Jobs\ndone \\ all, "so to say", für alle.',
          labels: { note: NOTE, queue: "a" },
        },
      },
      { type: "Counter", name: "done_total", value: 1.5, labels: { queue: "a", note: NOTE } },
      {
        type: "counter",
        name: "done_total",
        value: 3,
        times: 20,
        labels: { queue: 12.5, ok: true },
      },
      { type: "counter", name: "done_total", value: 0, help: "Too late.", labels: { queue: "" } },
    ],
    families: [
      {
        ...{ name: "done_total", type: "counter" },
        help: 'Jobs\ndone \\ all, "so to say", für alle.',
        series: [
          { labels: { note: NOTE, queue: "a" }, value: 3.5 },
          { labels: { ok: "true", queue: "12.5" }, value: 60 },
          { labels: {}, value: 0 },
        ],
      },
    ],
  },
  {
    what: "a counter whose name does not end in _total",
    messages: [{ type: "counter", name: "visits", help: "Visits.", value: 7 }],
    families: [{ name: "visits", type: "counter", help: "Visits.", series: [{ value: 7 }] }],
  },
  {
    what: "a gauge beside a counter that would take its name",
    messages: [
      { type: "gauge", name: "jobs", help: "Jobs now.", value: -4 },
      { type: "counter", name: "jobs_total", help: "Jobs so far.", value: 9 },
    ],
    families: [
      { name: "jobs", type: "gauge", help: "Jobs now.", series: [{ value: -4 }] },
      {
        ...{ name: "jobs_total", type: "counter", help: "Jobs so far." },
        isUntypedInOpenMetrics: true,
        series: [{ value: 9 }],
      },
    ],
  },
  {
    what: "exemplars of counters: the last one stays",
    messages: [
      { type: "counter", name: "paid_total", value: 1, exemplar: { labels: { trace_id: "old" } } },
      {
        ...{ type: "counter", name: "paid_total", value: 2 },
        exemplar: { labels: { trace_id: 'new "1"' }, value: 0.25, timestamp: 1769860800.25 },
      },
      {
        ...{ type: "counter", name: "paid_total", value: 3, labels: { by: "card" } },
        exemplar: { labels: { trace_id: "card", span_id: 7 } },
      },
    ],
    families: [
      {
        ...{ name: "paid_total", type: "counter" },
        series: [
          {
            value: 3,
            exemplars: [{ labels: { trace_id: 'new "1"' }, value: 0.25, timestamp: 1769860800.25 }],
          },
          {
            ...{ labels: { by: "card" }, value: 3 },
            exemplars: [{ labels: { trace_id: "card", span_id: "7" }, value: 3 }],
          },
        ],
      },
    ],
  },
  {
    what: "each operation on a gauge",
    messages: [
      ...operations("set", [
        ["set", 5],
        ["set", 2.5],
      ]),
      ...operations("add", [
        ["add", 5],
        ["add", 0.5],
      ]),
      ...operations("sub", [
        ["set", 10],
        ["sub", 4],
        ["SUB", 0.5],
      ]),
      ...operations("max", [
        ["max", -3],
        ["max", -1],
        ["max", -2],
      ]),
      ...operations("min", [
        ["min", 3],
        ["min", 1],
        ["min", 2],
      ]),
      { type: "gauge", name: "level", op: "add", value: 1.5, times: 4, labels: { op: "times" } },
    ],
    families: [
      {
        ...{ name: "level", type: "gauge", help: "Level." },
        series: Object.entries({ set: 2.5, add: 5.5, sub: 5.5, max: -1, min: 1, times: 6 }).map(
          ([op, value]) => ({ labels: { op }, value }),
        ),
      },
    ],
  },
  {
    what: "numbers at the edges of a double, NaN and infinities",
    messages: [
      ...Object.entries({ nan: "NaN", inf: "+Inf", minus: "-Inf", great: 1.7976931348623157e308 }),
      ...Object.entries({ small: 5e-324, whole: 2 ** 53 - 1, long: 0.1 + 0.2, e21: 1e21 }),
    ].map(([which, value]) => ({ type: "gauge", name: "number", value, labels: { which } })),
    families: [
      {
        ...{ name: "number", type: "gauge" },
        series: Object.entries({
          ...{ nan: Number.NaN, inf: Number.POSITIVE_INFINITY, minus: Number.NEGATIVE_INFINITY },
          ...{ great: Number.MAX_VALUE, small: 5e-324, whole: 9007199254740991 },
          ...{ long: 0.30000000000000004, e21: 1e21 },
        }).map(([which, value]) => ({ labels: { which }, value })),
      },
    ],
  },
  {
    what: "units, in names that have them and in names that get them",
    messages: [
      { type: "counter", name: "cpu_seconds_total", unit: "seconds", value: 4 },
      { type: "counter", name: "sent_total", unit: "bytes", value: 100 },
      { type: "gauge", name: "uptime", unit: "seconds", value: 60 },
    ],
    families: [
      { name: "cpu_seconds_total", type: "counter", unit: "seconds", series: [{ value: 4 }] },
      { name: "sent_bytes_total", type: "counter", unit: "bytes", series: [{ value: 100 }] },
      { name: "uptime_seconds", type: "gauge", unit: "seconds", series: [{ value: 60 }] },
    ],
  },
  {
    what: "UTF-8 names, which come escaped to those that do not ask for them",
    messages: [
      { type: "counter", name: "küche.größe", value: 2, labels: { "straße.nr": "Weg 5" } },
      { type: "gauge", name: "9 lives", value: 9, labels: { "🚀": "ja" } },
    ],
    families: [
      {
        ...{ name: "k_che_gr__e", type: "counter" },
        series: [{ labels: { stra_e_nr: "Weg 5" }, value: 2 }],
      },
      { name: "__lives", type: "gauge", series: [{ labels: { _: "ja" }, value: 9 }] },
    ],
  },
  {
    what: "many series of one family",
    messages: Array.from({ length: 3000 }, (_, i) => ({
      ...{ type: "counter", name: "many_total", value: i / 8 },
      labels: { shard: i, region: `region-${i % 7}` },
    })),
    families: [
      {
        ...{ name: "many_total", type: "counter" },
        series: Array.from({ length: 3000 }, (_, i) => ({
          labels: { shard: String(i), region: `region-${i % 7}` },
          value: i / 8,
        })),
      },
    ],
  },
];

/** All that a sender can say. */
export const SHOWCASES: Showcase[] = [
  ...COUNTERS_AND_GAUGES,
  ...OBSERVED_SHOWCASES,
  ...NATIVE_SHOWCASES,
];

function operations(of: string, changes: [op: string, value: number][]): object[] {
  return changes.map(([op, value]) => ({
    ...{ type: "gauge", name: "level", help: "Level.", op, value, labels: { op: of } },
  }));
}
