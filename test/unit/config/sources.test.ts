import { describe, expect, test } from "bun:test";
import { readJsonLeaves } from "../../../src/config/json-leaves.ts";
import { loadSettings, type SettingsInput } from "../../../src/config/load.ts";
import { SETTINGS, type Setting } from "../../../src/config/settings.ts";

/** Three values that each setting takes, one a source. */
const THREE: Record<keyof typeof SETTINGS, [string, string, string]> = {
  connection: ["a:1", "b:2", "c:3"],
  user: ["a", "b", "c"],
  password: ["a", "b", "c"],
  tlsCaFile: ["a", "b", "c"],
  tlsCertificateFile: ["a", "b", "c"],
  tlsKeyFile: ["a", "b", "c"],
  tlsServerName: ["a", "b", "c"],
  workers: ["3", "4", "5"],
  database: ["3", "4", "5"],
  queueKey: ["a", "b", "c"],
  popCount: ["3", "4", "5"],
  deadLetterKey: ["a", "b", "c"],
  deadLetterMax: ["3", "4", "5"],
  embeddedListen: ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"],
  embeddedPassword: ["a", "b", "c"],
  embeddedInsecure: ["true", "false", "true"],
  embeddedBufferBytesMax: ["40000000", "50000000", "60000000"],
  embeddedStateFile: ["a", "b", "c"],
  gatewayId: ["a", "b", "c"],
  leaseMs: ["1000", "2000", "4000"],
  checkpointEnabled: ["true", "True", "false"],
  checkpointIntervalMs: ["30", "40", "50"],
  checkpointMaxSamples: ["3", "4", "5"],
  sortIncomingLabels: ["true", "True", "false"],
  disableMetaMetrics: ["true", "True", "false"],
  maxMessageBytes: ["3", "4", "5"],
  maxSeries: ["3", "4", "5"],
  enableAdminApi: ["true", "True", "false"],
  webConfigFile: ["a", "b", "c"],
  bearerTokenFile: ["a", "b", "c"],
  publicPaths: ["/a", "/b", "/c"],
  maxFailedLogins: ["3", "4", "5"],
  maxSeriesPerFamily: ["3", "4", "5"],
  onLimit: ["drop", "Drop", "overflow"],
  seriesTtlSeconds: ["3", "4", "5"],
  maxSampleAgeSeconds: ["3", "4", "5"],
  createdTimestamps: ["true", "True", "false"],
  maxLabels: ["3", "4", "5"],
  maxLabelLength: ["3", "4", "5"],
  maxBuckets: ["3", "4", "5"],
  nameValidation: ["utf8", "UTF8", "legacy"],
  listen: [":3", ":4", ":5"],
  maxScrapesInFlight: ["3", "4", "5"],
  scrapeTimeoutSeconds: ["3", "4", "5"],
  idleTimeoutSeconds: ["3", "4", "5"],
  logLevel: ["Trace", "Debug", "None"],
  logFormat: ["text", "JSON", "auto"],
};

const WRITINGS: [how: string, write: (name: string) => string][] = [
  ["as it is documented", (name) => name],
  ["in lower case", (name) => name.toLowerCase()],
  ["in upper case", (name) => name.toUpperCase()],
];

for (const [key, [inFile, inEnvironment, inFlag]] of Object.entries(THREE)) {
  const { name, mask } = SETTINGS[key as keyof typeof SETTINGS] as Setting;
  const masked = (text: string) => mask?.(text) ?? text;
  for (const [how, write] of WRITINGS) {
    test(`${name}, written ${how}, comes from the file, or the environment over it, or a flag over both`, () => {
      const written = write(name);
      const variable = written.replaceAll(".", "__");
      const fileText = nested(written, inFile);
      const environment = { [variable]: inEnvironment };
      const flags = [{ name: written, value: inFlag }];
      expect(shown({ fileText }, name)).toEqual([masked(inFile), "file conf.json"]);
      expect(shown({ fileText, environment }, name)).toEqual([
        masked(inEnvironment),
        `environment ${variable}`,
      ]);
      expect(shown({ fileText, environment, flags }, name)).toEqual([
        masked(inFlag),
        `flag --${written}`,
      ]);
    });
  }
}

describe("a name given twice", () => {
  test("is a fault in a file, whatever its case and its notation", () => {
    const fileText = '{ "Gateway": { "Id": "a" }, "gateway:ID": "b", "Gateway.id": "c" }';
    const line = "config: Gateway.Id is set twice (file conf.json, file conf.json)";
    expect(faults({ fileText })).toEqual([line, line]);
  });

  test("is a fault in the environment", () => {
    expect(faults({ environment: { Gateway__Id: "a", GATEWAY__ID: "a" } })).toEqual([
      "config: Gateway.Id is set twice (environment Gateway__Id, environment GATEWAY__ID)",
    ]);
  });

  test("counts as the last among flags", () => {
    const flags = ["a", "b"].map((value) => ({ name: "Gateway.Id", value }));
    expect(shown({ flags }, "Gateway.Id")).toEqual(["b", "flag --Gateway.Id"]);
  });
});

describe("an unknown name", () => {
  const unknown: [name: string, remedy: string][] = [
    ["Redis.MetricQueueWorker", "; did you mean Redis.MetricQueueWorkers?"],
    ["Metrics.SortIncommingLabels", "; did you mean Metrics.SortIncomingLabels?"],
    ["Web.Listen", "; see --help"],
    ["Metrics.ListenAddress", "; did you mean Web.ListenAddress?"],
    ["Gateway.Ids", "; did you mean Gateway.Id?"],
    ["Redis.", "; see --help"],
    ["Redis.PaswordFile", "; did you mean Redis.PasswordFile?"],
  ];
  for (const [name, remedy] of unknown) {
    test(`is a fault with a remedy in each source: ${name}`, () => {
      const variable = name.replaceAll(".", "__");
      const line = `config: ${name} is no setting`;
      expect(faults({ fileText: nested(name, "x") })).toEqual([
        `${line} (file conf.json)${remedy}`,
      ]);
      expect(faults({ environment: { [variable]: "x" } })).toEqual([
        `${line} (environment ${variable})${remedy}`,
      ]);
      expect(faults({ flags: [{ name, value: "x" }] })).toEqual([
        `${line} (flag --${name})${remedy}`,
      ]);
    });
  }

  test("is a fault of a flag in any section, of a file and the environment in ours alone", () => {
    const fileText = '{ "Kestrel": { "x": [1] }, "Logging": { "Console": { "y": 2 } }, "z": null }';
    const environment = { Kestrel__X: "1", Logging__Console__Y: "2", REDIS_HOST: "h", Redis: "r" };
    expect(faults({ fileText, environment })).toEqual([]);
    expect(faults({ flags: [{ name: "Kestrel.X", value: "1" }] })).toEqual([
      "config: Kestrel.X is no setting (flag --Kestrel.X); see --help",
    ]);
  });

  test("that a value strayed into is shown without it, and on one line", () => {
    const stray = "Redis.ConnectionString:redis://u:canary\n@h";
    const variable = stray.replace(".", "__");
    const twice = `{ ${JSON.stringify(stray)}: 1, ${JSON.stringify(stray)}: 2 }`;
    const level = JSON.stringify("Logging.LogLevel.a\ncanary");
    const given: Partial<SettingsInput>[] = [
      { fileText: nested(stray, "x") },
      { fileText: twice },
      { fileText: `{ ${JSON.stringify(stray)}: [] }` },
      { fileText: `{ ${level}: "loud" }` },
      { environment: { [variable]: "x" } },
      { flags: [{ name: stray, value: "x" }] },
    ];
    for (const each of given) {
      const lines = faults(each);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(line).not.toMatch(/canary|\n/);
    }
  });
});

describe("a value that is none", () => {
  test("leaves the default: null, an empty object and an empty variable", () => {
    for (const value of ["null", "{}"]) {
      const fileText = `{ "Gateway": { "Id": ${value} } }`;
      expect(shown({ fileText }, "Gateway.Id")).toEqual(["default", "default"]);
    }
    expect(shown({ fileText: '{ "Gateway": null }' }, "Gateway.Id")[1]).toBe("default");
    expect(shown({ environment: { Gateway__Id: "" } }, "Gateway.Id")[1]).toBe("default");
  });

  test("leaves what an earlier source gave", () => {
    const fileText = '{ "Gateway": { "Id": "a" } }';
    const environment = { Gateway__Id: "" };
    expect(shown({ fileText, environment }, "Gateway.Id")).toEqual(["a", "file conf.json"]);
  });

  test("is a fault as an empty text in a file or a flag", () => {
    const fault =
      'config: Gateway.Id must be 1 to 64 letters, digits, dots, dashes or underscores, got ""';
    expect(faults({ fileText: '{ "Gateway": { "Id": "" } }' })).toEqual([
      `${fault} (file conf.json)`,
    ]);
    expect(faults({ flags: [{ name: "Gateway.Id", value: "" }] })).toEqual([
      `${fault} (flag --Gateway.Id)`,
    ]);
  });
});

describe("a file's value of another kind", () => {
  test("is taken as it is written: numbers and booleans need no quotes, and may have them", () => {
    const fileText =
      '{ "Redis": { "MetricQueueWorkers": 7 }, "Metrics": { "MaxSeries": "8", "SortIncomingLabels": false } }';
    expect(shown({ fileText }, "Redis.MetricQueueWorkers")[0]).toBe("7");
    expect(shown({ fileText }, "Metrics.MaxSeries")[0]).toBe("8");
    expect(shown({ fileText }, "Metrics.SortIncomingLabels")[0]).toBe("false");
  });

  test("is a fault as a list", () => {
    expect(faults({ fileText: '{ "Redis": { "ConnectionString": ["h:1", "h:2"] } }' })).toEqual([
      "config: Redis.ConnectionString must not be a list (file conf.json)",
    ]);
  });

  test("is a fault as an object", () => {
    expect(
      faults({ fileText: '{ "Redis": { "ConnectionString": { "endpoints": "canary" } } }' }),
    ).toEqual(["config: Redis.ConnectionString... is no setting (file conf.json); see --help"]);
  });
});

describe("a file", () => {
  test("may begin with a BOM, hold comments and end its lists and objects with a comma", () => {
    const fileText = `\ufeff// first
      { /* a "} */ "Other": [1, 2,], "Gateway": { "Id": "a", // b
      }, } // end`;
    expect(shown({ fileText }, "Gateway.Id")[0]).toBe("a");
  });

  test("keeps what looks like a comment in a text", () => {
    const fileText = '{ "Redis": { "MetricQueueKey": "a//b/*c*/" } }';
    expect(shown({ fileText }, "Redis.MetricQueueKey")[0]).toBe("a//b/*c*/");
  });

  const broken: [text: string, expected: string][] = [
    ["", '"{" at line 1, column 1'],
    ["[]", '"{" at line 1, column 1'],
    ['"canary"', '"{" at line 1, column 1'],
    ["{", 'a name in double quotes or "}" at line 1, column 2'],
    ["{,}", 'a name in double quotes or "}" at line 1, column 2'],
    ["{'canary': 1}", 'a name in double quotes or "}" at line 1, column 2'],
    ['{ "canary" 1 }', '":" at line 1, column 12'],
    ['{\n  "canary": canary }', "a value at line 2, column 13"],
    ['{ "a": "canary\n" }', "a value at line 1, column 8"],
    ['{ "a": 01 }', "a value at line 1, column 8"],
    ['{ "a": 1 "canary": 2 }', '"," or "}" at line 1, column 10'],
    ['{ "a": [1 2] }', '"," or "]" at line 1, column 11'],
    ["{} canary", "the end of the file at line 1, column 4"],
    ["{ /* canary", 'a name in double quotes or "}" at line 1, column 3'],
  ];
  for (const [text, expected] of broken) {
    test(`is refused with the place and without its text: ${JSON.stringify(text)}`, () => {
      expect(faults({ fileText: text })).toEqual([`config: conf.json expected ${expected}`]);
    });
  }

  test("is read to a depth of 64 and refused beyond", () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
    expect(readJsonLeaves(deep(65)).ok).toBe(true);
    expect(readJsonLeaves(deep(66))).toMatchObject({
      ok: false,
      fault: expect.stringContaining("at most 64 levels"),
    });
    expect(readJsonLeaves(`{"a":${"[".repeat(100_000)}`).ok).toBe(false);
  });
});

/** `Redis.MetricQueueKey` as `{"Redis": {"MetricQueueKey": value}}`. */
function nested(name: string, value: string): string {
  const parts = name.split(".");
  const opening = parts.map((part) => `{ ${JSON.stringify(part)}: `).join("");
  return `${opening}${JSON.stringify(value)}${" }".repeat(parts.length)}`;
}

function load(given: Partial<SettingsInput>) {
  const none = { fileText: undefined, filePath: "conf.json", environment: {}, flags: [] };
  return loadSettings({ ...none, ...given });
}

/** The text in force, and where it comes from. */
function shown(given: Partial<SettingsInput>, name: string): [text: string, source: string] {
  const result = load(given);
  if (!result.ok) throw new Error(result.faults.join("\n"));
  const { text, source } = result.effective.find((setting) => setting.name === name)!;
  return [text, source];
}

function faults(given: Partial<SettingsInput>): string[] {
  const result = load(given);
  return result.ok ? [] : result.faults;
}
