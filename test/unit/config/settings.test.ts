import { describe, expect, test } from "bun:test";
import { loadSettings } from "../../../src/config/load.ts";
import { SETTINGS, type Setting, type Settings } from "../../../src/config/settings.ts";

/** What holds for one setting: how it is read, and which fault a wrong value makes. */
interface Row {
  get: (settings: Settings) => unknown;
  byDefault: unknown;
  valid: [text: string, value: unknown][];
  invalid: string[];
  fault: string;
}

const LEVEL_FAULT = "must be Trace, Debug, Information, Warning, Error, Critical or None";
const LISTEN_FAULT = "must be host:port, :port or [IPv6 address]:port, the port 0..65535";

const ROWS: Record<Exclude<keyof typeof SETTINGS, "connection">, Row> = {
  user: text(({ redis }) => redis.access.user, "gateway", " a:b@c "),
  password: text(({ redis }) => redis.access.password, 'p,a=s@s:w%6f"rd', " \n"),
  tlsCaFile: text(({ redis }) => redis.access.files.ca, "/etc/ssl/redis-ca.pem"),
  tlsCertificateFile: text(({ redis }) => redis.access.files.certificate, "/etc/ssl/gateway.pem"),
  tlsKeyFile: text(({ redis }) => redis.access.files.key, "/etc/ssl/gateway.key"),
  tlsServerName: {
    get: ({ redis }) => redis.access.tlsServerName,
    byDefault: "",
    valid: ["redis.internal", "redis", "a_b-c.example", "127.0.0.1", ""].map((name) => [
      name,
      name,
    ]),
    invalid: ["redis:6380", "redis://h", "a b", "*.example", "[::1]"],
    fault: "must be a name of a host, without a port",
  },
  workers: {
    get: ({ redis }) => redis.workers,
    byDefault: 2,
    ...integers(1, 64),
  },
  database: {
    get: ({ redis }) => redis.database,
    byDefault: 0,
    ...integers(0, 2_147_483_647),
  },
  queueKey: {
    get: ({ redis }) => redis.queueKey,
    byDefault: "prom-stream-gateway:metric-queue",
    valid: [
      ["q", "q"],
      [" spaces count ", " spaces count "],
      ["{tag}:queue", "{tag}:queue"],
      ["a}{b}", "a}{b}"],
      ["an{open", "an{open"],
    ],
    invalid: ["a}b", "}{", "{}", "{}a{b}"],
    fault: 'must not hold "}" but as the end of a hash tag such as {tag}',
  },
  popCount: {
    get: ({ redis }) => redis.popCount,
    byDefault: 4000,
    ...integers(1, 100_000),
  },
  deadLetterKey: {
    get: ({ redis }) => redis.deadLetters.key,
    byDefault: "",
    valid: [
      ["dead", "dead"],
      ["", ""],
    ],
    invalid: ["prom-stream-gateway:metric-queue"],
    fault: "must not be the queue's key",
  },
  deadLetterMax: {
    get: ({ redis }) => redis.deadLetters.max,
    byDefault: 10_000,
    ...integers(1, 1_000_000),
  },
  embeddedListen: {
    get: ({ embedded }) => embedded.listen,
    byDefault: undefined,
    valid: [
      ["", undefined],
      [" ", undefined],
      ["127.0.0.1:6379", { hostname: "127.0.0.1", port: 6379 }],
      ["[::1]:0", { hostname: "::1", port: 0 }],
      ["localhost:1", { hostname: "localhost", port: 1 }],
    ],
    invalid: ["6379", "127.0.0.1", "127.0.0.1:65536"],
    fault: LISTEN_FAULT,
  },
  embeddedPassword: {
    get: ({ embedded }) => embedded.password,
    byDefault: "",
    valid: [
      ["", ""],
      [" spaces count ", " spaces count "],
    ],
    invalid: [],
    fault: "",
  },
  embeddedInsecure: {
    get: () => undefined, // It only lets other settings pass.
    byDefault: undefined,
    valid: [],
    invalid: ["yes", ""],
    fault: "must be true or false",
  },
  embeddedBufferBytesMax: {
    get: ({ embedded }) => embedded.bufferBytesMax,
    byDefault: 67_108_864,
    ...integers(33_554_432, 68_719_476_736),
  },
  embeddedStateFile: {
    get: ({ embedded }) => embedded.stateFile,
    byDefault: "",
    valid: [["/var/lib/gateway/state", "/var/lib/gateway/state"]],
    invalid: [],
    fault: "",
  },
  leaseMs: {
    get: ({ gateway }) => gateway.leaseMs,
    byDefault: 3000,
    ...integers(500, 600_000),
  },
  checkpointEnabled: {
    get: ({ checkpoint }) => checkpoint.isEnabled,
    byDefault: true,
    ...booleans(),
  },
  checkpointIntervalMs: {
    get: ({ checkpoint }) => checkpoint.intervalMs,
    byDefault: 1000,
    ...integers(10, 3_600_000),
  },
  checkpointMaxSamples: {
    get: ({ checkpoint }) => checkpoint.maxSamples,
    byDefault: 250_000,
    ...integers(1, 1_000_000_000),
  },
  gatewayId: {
    get: ({ gateway }) => gateway.id,
    byDefault: "default",
    valid: [
      ["a", "a"],
      ["A-z_0.9", "A-z_0.9"],
      ["x".repeat(64), "x".repeat(64)],
    ],
    invalid: ["", "a b", "a:b", "é", "a\n"],
    fault: "must be 1 to 64 letters, digits, dots, dashes or underscores",
  },
  sortIncomingLabels: {
    get: ({ metrics }) => metrics.sortIncomingLabels,
    byDefault: true,
    ...booleans(),
  },
  disableMetaMetrics: {
    get: ({ metrics }) => metrics.disableMetaMetrics,
    byDefault: false,
    ...booleans(),
  },
  maxMessageBytes: {
    get: ({ metrics }) => metrics.maxMessageBytes,
    byDefault: 1_048_576,
    ...integers(1, 536_870_912),
  },
  maxSeriesPerFamily: {
    get: ({ metrics }) => metrics.maxSeriesPerFamily,
    byDefault: 0,
    ...integers(0, 1_000_000_000),
  },
  onLimit: {
    get: ({ metrics }) => metrics.onLimit,
    byDefault: "drop",
    valid: [
      ["drop", "drop"],
      [" Overflow ", "overflow"],
    ],
    invalid: ["", "reject"],
    fault: "must be drop or overflow",
  },
  seriesTtlSeconds: {
    get: ({ metrics }) => metrics.seriesTtlSeconds,
    byDefault: 0,
    ...integers(0, 2_147_483_647),
  },
  maxSampleAgeSeconds: {
    get: ({ metrics }) => metrics.maxSampleAgeSeconds,
    byDefault: 0,
    ...integers(0, 2_147_483_647),
  },
  createdTimestamps: {
    get: ({ metrics }) => metrics.createdTimestamps,
    byDefault: false,
    ...booleans(),
  },
  maxSeries: {
    get: ({ metrics }) => metrics.maxSeries,
    byDefault: 1_000_000,
    ...integers(0, 1_000_000_000),
  },
  maxLabels: {
    get: ({ metrics }) => metrics.maxLabels,
    byDefault: 64,
    ...integers(0, 10_000),
  },
  maxLabelLength: {
    get: ({ metrics }) => metrics.maxLabelLength,
    byDefault: 4096,
    ...integers(0, 1_048_576),
  },
  maxBuckets: {
    get: ({ metrics }) => metrics.maxBuckets,
    byDefault: 1000,
    ...integers(1, 10_000),
  },
  nameValidation: {
    get: ({ metrics }) => metrics.nameValidation,
    byDefault: "legacy",
    valid: [
      ["legacy", "legacy"],
      [" UTF8 ", "utf8"],
    ],
    invalid: ["", "utf-8", "Legacy names"],
    fault: "must be legacy or utf8",
  },
  maxScrapesInFlight: {
    get: ({ web }) => web.maxScrapesInFlight,
    byDefault: 16,
    ...integers(0, 10_000),
  },
  enableAdminApi: {
    get: ({ web }) => web.isAdminEnabled,
    byDefault: false,
    ...booleans(),
  },
  webConfigFile: {
    get: ({ web }) => web.configFile,
    byDefault: "",
    valid: [["/etc/gateway/web-config.yml", "/etc/gateway/web-config.yml"]],
    invalid: [],
    fault: "",
  },
  bearerTokenFile: {
    get: ({ web }) => web.bearerTokenFile,
    byDefault: "",
    valid: [["/run/secrets/tokens", "/run/secrets/tokens"]],
    invalid: [],
    fault: "",
  },
  publicPaths: {
    get: ({ web }) => web.publicPaths,
    byDefault: [],
    valid: [
      ["/metrics", ["/metrics"]],
      [" /metrics , /-/*,", ["/metrics", "/-/*"]],
      ["/*", ["/*"]],
    ],
    invalid: ["metrics", "/a?b", "/*/b", "/a b", "*", "/a#b"],
    fault: "must be paths such as /metrics or /-/*, with commas between",
  },
  maxFailedLogins: {
    get: ({ web }) => web.maxFailedLogins,
    byDefault: 20,
    ...integers(0, 1_000_000),
  },
  scrapeTimeoutSeconds: {
    get: ({ web }) => web.scrapeTimeoutSeconds,
    byDefault: 120,
    ...integers(0, 86_400),
  },
  idleTimeoutSeconds: {
    get: ({ web }) => web.idleTimeoutSeconds,
    byDefault: 60,
    ...integers(1, 255),
  },
  listen: {
    get: ({ web }) => web.listen,
    byDefault: { hostname: undefined, port: 9091 },
    valid: [
      [":0", { hostname: undefined, port: 0 }],
      ["localhost:65535", { hostname: "localhost", port: 65_535 }],
      ["0.0.0.0:80", { hostname: "0.0.0.0", port: 80 }],
      ["[::1]:80", { hostname: "::1", port: 80 }],
      [" :80 ", { hostname: undefined, port: 80 }],
    ],
    invalid: ["", "9091", "localhost", ":", "a:b", ":65536", "::1:80", "[::1]", "[nine]:80"],
    fault: LISTEN_FAULT,
  },
  logLevel: {
    get: ({ logging }) => logging.level,
    byDefault: "information",
    valid: ["Trace", "DEBUG", "Information", "warning", "Error", "Critical", " None "].map(
      (text) => [text, text.trim().toLowerCase()],
    ),
    invalid: ["", "loud", "info", "2"],
    fault: LEVEL_FAULT,
  },
  logFormat: {
    get: ({ logging }) => logging.format,
    byDefault: "auto",
    valid: [
      ["Auto", "auto"],
      [" JSON ", "json"],
      ["text", "text"],
    ],
    invalid: ["", "logfmt"],
    fault: "must be auto, json or text",
  },
};

for (const [key, row] of Object.entries(ROWS)) {
  const { name } = SETTINGS[key as keyof typeof ROWS] as Setting;
  describe(name, () => {
    test("has its default where no source names it", () => {
      expect(row.get(read())).toEqual(row.byDefault);
    });

    for (const [text, value] of row.valid) {
      test(`takes ${shown(text)}`, () => {
        expect(row.get(read({ name, value: text }))).toEqual(value);
      });
    }

    for (const text of row.invalid) {
      test(`refuses ${shown(text)} with one line that says what it takes`, () => {
        expect(faults({ name, value: text })).toEqual([
          `config: ${name} ${row.fault}, got ${JSON.stringify(text)} (flag --${name})`,
        ]);
      });
    }
  });
}

describe("a value that is not taken", () => {
  test("is shown cut where it is long", () => {
    const name = "Gateway.Id";
    expect(faults({ name, value: "x".repeat(65) })).toEqual([
      `config: ${name} must be 1 to 64 letters, digits, dots, dashes or underscores, got "${"x".repeat(60)}..." (flag --${name})`,
    ]);
  });

  test("is named as empty where the queue's key is", () => {
    const name = "Redis.MetricQueueKey";
    expect(faults({ name, value: "" })).toEqual([
      `config: ${name} must not be empty, got "" (flag --${name})`,
    ]);
  });

  test("is named for the level of an area too", () => {
    const name = "Logging.LogLevel.queue";
    expect(faults({ name, value: "loud" })).toEqual([
      `config: ${name} ${LEVEL_FAULT}, got "loud" (flag --${name})`,
    ]);
  });

  test("is not shown at all where it is a connection string", () => {
    const name = "Redis.ConnectionString";
    expect(faults({ name, value: "h:canary" })).toEqual([
      `config: ${name} must have host, host:port or [IPv6 address]:port, the port 1..65535, as its part 1 (flag --${name})`,
    ]);
  });
});

describe("the level of an area", () => {
  test("is kept under the area's name in lower case, whether we know the area or not", () => {
    const settings = read(
      { name: "Logging.LogLevel.Queue", value: "Trace" },
      { name: "Logging.LogLevel.Microsoft.AspNetCore", value: "Warning" },
    );
    expect(settings.logging.level).toBe("information");
    expect([...settings.logging.levels]).toEqual([
      ["queue", "trace"],
      ["microsoft.aspnetcore", "warning"],
    ]);
  });
});

/** A setting that takes any text. */
function text(get: Row["get"], ...taken: string[]): Row {
  return { get, byDefault: "", valid: taken.map((each) => [each, each]), invalid: [], fault: "" };
}

function integers(min: number, max: number): Pick<Row, "valid" | "invalid" | "fault"> {
  const below = min === 0 ? ["-1", "-0"] : [String(min - 1), "-1"];
  return {
    valid: [
      [String(min), min],
      [String(max), max],
      [` 0${min} `, min],
    ],
    invalid: [
      ...below,
      String(max + 1),
      "",
      " ",
      "two",
      "1.5",
      "1e1",
      "0x1",
      "1_0",
      "9".repeat(17),
    ],
    fault: `must be ${min}..${max}`,
  };
}

function booleans(): Pick<Row, "valid" | "invalid" | "fault"> {
  return {
    valid: [
      ["true", true],
      ["True", true],
      ["FALSE", false],
      [" false ", false],
    ],
    invalid: ["", "yes", "1", "0", "truee"],
    fault: "must be true or false",
  };
}

function shown(text: string): string {
  return JSON.stringify(text.length > 20 ? `${text.slice(0, 20)}...` : text);
}

function load(flags: { name: string; value: string }[]) {
  return loadSettings({ fileText: undefined, filePath: "f.json", environment: {}, flags });
}

function read(...flags: { name: string; value: string }[]): Settings {
  const result = load(flags);
  if (!result.ok) throw new Error(result.faults.join("\n"));
  return result.settings;
}

function faults(...flags: { name: string; value: string }[]): string[] {
  const result = load(flags);
  return result.ok ? [] : result.faults;
}
