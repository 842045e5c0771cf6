import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { renderConfiguration } from "../../../docs/generate.ts";
import { loadSettings, type SettingsInput } from "../../../src/config/load.ts";
import { NO_ACCESS } from "../../../src/config/redis-access.ts";
import { SETTINGS } from "../../../src/config/settings.ts";

const DEFAULTS = Object.values(SETTINGS);

describe("settings", () => {
  test("have the documented defaults", () => {
    const { settings } = loaded({});
    expect(settings).toEqual({
      gateway: { id: "default", leaseMs: 3000 },
      redis: {
        connection: expect.objectContaining({ endpoints: [{ host: "localhost", port: 6379 }] }),
        access: NO_ACCESS,
        workers: 2,
        database: 0,
        queueKey: "prom-stream-gateway:metric-queue",
        popCount: 4000,
        deadLetters: { key: "", max: 10_000 },
      },
      embedded: { listen: undefined, password: "", bufferBytesMax: 67_108_864, stateFile: "" },
      checkpoint: { isEnabled: true, intervalMs: 1000, maxSamples: 250_000 },
      metrics: {
        sortIncomingLabels: true,
        disableMetaMetrics: false,
        maxMessageBytes: 1_048_576,
        maxSeries: 1_000_000,
        maxSeriesPerFamily: 0,
        onLimit: "drop",
        seriesTtlSeconds: 0,
        maxSampleAgeSeconds: 0,
        createdTimestamps: false,
        maxLabels: 64,
        maxLabelLength: 4096,
        maxBuckets: 1000,
        nameValidation: "legacy",
      },
      web: {
        listen: { hostname: undefined, port: 9091 },
        maxScrapesInFlight: 16,
        scrapeTimeoutSeconds: 120,
        idleTimeoutSeconds: 60,
        isAdminEnabled: false,
        configFile: "",
        bearerTokenFile: "",
        publicPaths: [],
        maxFailedLogins: 20,
      },
      logging: { level: "information", levels: new Map(), format: "auto" },
      relabel: [],
      families: [],
    });
  });

  for (const listen of ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"]) {
    test(`let the embedded queue listen on ${listen} without a password`, () => {
      expect(loadWith("Embedded.ListenAddress", listen).ok).toBe(true);
    });
  }

  for (const listen of [":6379", "0.0.0.0:1", "[::]:1", "10.0.0.1:1", "gateway.example:1"]) {
    test(`refuse ${listen} for the embedded queue, unless there is a password or one says so`, () => {
      const remedy =
        "set Embedded.Password, listen on 127.0.0.1, or set Embedded.AllowInsecure=true";
      const line = `config: Embedded.ListenAddress is reached by other hosts: ${remedy}`;
      const source = "(flag --Embedded.ListenAddress)";
      expect(loadWith("Embedded.ListenAddress", listen)).toEqual({
        ok: false,
        faults: [`${line}, got "${listen}" ${source}`],
      });
      for (const way of [
        { name: "Embedded.Password", value: "secret" },
        { name: "Embedded.AllowInsecure", value: "true" },
      ]) {
        expect(loadWith("Embedded.ListenAddress", listen, way).ok).toBe(true);
      }
    });
  }

  test("refuse dead letters where no Redis could keep them", () => {
    const flag = { name: "Redis.DeadLetterKey", value: "dead" };
    expect(loadWith("Embedded.ListenAddress", "127.0.0.1:1", flag)).toEqual({
      ok: false,
      faults: [
        'config: Redis.DeadLetterKey needs Redis; with Embedded.ListenAddress there is none, got "dead" (flag --Redis.DeadLetterKey)',
      ],
    });
  });

  test("come from the file, then the environment, then flags", () => {
    const fileText =
      '{ "Redis": { "MetricQueueWorkers": 3, "MetricQueuePopCount": 5 }, "Web": { "ListenAddress": ":1" } }';
    const environment = { Redis__MetricQueueWorkers: "4", Web__ListenAddress: ":2" };
    const flags = [{ name: "Web.ListenAddress", value: ":3" }];
    const { settings, effective } = loaded({ fileText, environment, flags });
    expect([settings.redis.popCount, settings.redis.workers, settings.web.listen.port]).toEqual([
      5, 4, 3,
    ]);
    const sources = effective.map(({ name, source }) => `${name} ${source}`);
    expect(sources).toContain("Redis.MetricQueuePopCount file appsettings.json");
    expect(sources).toContain("Redis.MetricQueueWorkers environment Redis__MetricQueueWorkers");
    expect(sources).toContain("Web.ListenAddress flag --Web.ListenAddress");
    expect(sources).toContain("Gateway.Id default");
  });

  test("are named in any case in each source", () => {
    const fileText = '{ "rEDIS": { "metricqueuekey": "a" }, "GATEWAY:ID": "b" }';
    const environment = { METRICS__MAXSERIES: "7" };
    const flags = [{ name: "web:listenaddress", value: "127.0.0.1:8" }];
    const { settings } = loaded({ fileText, environment, flags });
    expect(settings.redis.queueKey).toBe("a");
    expect(settings.gateway.id).toBe("b");
    expect(settings.metrics.maxSeries).toBe(7);
    expect(settings.web.listen).toEqual({ hostname: "127.0.0.1", port: 8 });
  });

  test("are read from a file as .NET writes it: BOM, comments, trailing commas, other sections", () => {
    const fileText = `\ufeff{
      // a comment
      "AllowedHosts": "*", "Kestrel": { "Limits": [1] },
      "Logging": { "LogLevel": { "Default": "WARNING", "Microsoft.AspNetCore": "None" }, "Console": { "x": 1 } },
      "Metrics": { "SortIncomingLabels": "False", "DisableMetaMetrics": true, "MaxLabels": null, },
    }`;
    const { settings } = loaded({ fileText });
    expect(settings.logging.level).toBe("warning");
    expect(settings.logging.levels).toEqual(new Map([["microsoft.aspnetcore", "none"]]));
    expect(settings.metrics).toMatchObject({
      sortIncomingLabels: false,
      disableMetaMetrics: true,
      maxLabels: 64,
    });
  });

  for (const value of ["localhost,defaultDatabase=3", "redis://localhost/3"]) {
    test(`leave the connection string's database where none is set: ${value}`, () => {
      const flags = [{ name: "Redis.ConnectionString", value }];
      expect(loaded({ flags }).settings.redis.database).toBe(3);
      // Set by itself it counts, from whichever source, and as the default's value too.
      const fileText = '{ "Redis": { "MetricQueueDatabase": 0 } }';
      const { settings, effective } = loaded({ fileText, flags });
      expect(settings.redis.database).toBe(0);
      const shown = effective.find(({ name }) => name === "Redis.MetricQueueDatabase");
      expect(shown).toMatchObject({ text: "0", source: "file appsettings.json" });
    });
  }

  test("with an empty variable are as if it were not there", () => {
    expect(loaded({ environment: { Redis__MetricQueueKey: "" } }).settings.redis.queueKey).toBe(
      SETTINGS.queueKey.defaultText,
    );
  });

  test("name each fault, not only the first", () => {
    const environment = { Redis__MetricQueueWorkers: "0", Redis__Nothing: "1" };
    expect(faultsOf({ environment, flags: [{ name: "Web.ListenAdress", value: ":1" }] })).toEqual([
      'config: Redis.MetricQueueWorkers must be 1..64, got "0" (environment Redis__MetricQueueWorkers)',
      "config: Redis.Nothing is no setting (environment Redis__Nothing); see --help",
      "config: Web.ListenAdress is no setting (flag --Web.ListenAdress); did you mean Web.ListenAddress?",
    ]);
  });

  test("in the wrong section are suggested in the right one", () => {
    for (const name of ["Metrics.MetricQueueKey", "MetricQueueKey"]) {
      const [fault] = faultsOf({ flags: [{ name, value: "x" }] });
      expect(fault).toEndWith("; did you mean Redis.MetricQueueKey?");
    }
  });

  test("show no credential that went astray into a flag's name, and stay one line", () => {
    for (const name of [
      "Redis.ConnectionString:redis://u:canary@host",
      "Redis.ConnectionString:canary",
      "redis://u:canary@host",
      "nothing\ncanary",
    ]) {
      const faults = faultsOf({ flags: [{ name, value: "" }] });
      expect(faults).toHaveLength(1);
      expect(faults[0]).not.toMatch(/canary|\n/);
    }
  });

  test("refuse a section that is no object", () => {
    for (const text of ['"h,password=canary"', "[1]", "5"]) {
      const faults = faultsOf({ fileText: `{ "Redis": ${text} }` });
      expect(faults).toEqual([
        "config: Redis must be an object of settings (file appsettings.json)",
      ]);
    }
    const [fault] = faultsOf({ fileText: '{ "Logging": { "LogLevel": "Debug" } }' });
    expect(fault).toStartWith("config: Logging.LogLevel must be an object of settings");
  });

  test("show the database that the connection string names", () => {
    const { effective } = loaded({
      flags: [{ name: "Redis.ConnectionString", value: "h,defaultDatabase=3" }],
    });
    const shown = effective.find(({ name }) => name === "Redis.MetricQueueDatabase");
    expect(shown).toMatchObject({ text: "3", source: "flag --Redis.ConnectionString" });
  });

  test("set twice in one source are a fault", () => {
    const environment = { Gateway__Id: "a", GATEWAY__ID: "b" };
    expect(faultsOf({ environment })[0]).toContain("is set twice");
    expect(faultsOf({ fileText: '{"Gateway":{"Id":"a","id":"b"}}' })[0]).toContain("is set twice");
  });

  test("in a broken file are a fault that does not quote it", () => {
    const faults = faultsOf({ fileText: '{ "Redis": { "ConnectionString": "a,password=canary" ' });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toStartWith("config: appsettings.json ");
    expect(faults[0]).not.toContain("canary");
  });

  test("are all in docs/configuration.md, which is not stale", async () => {
    const page = await Bun.file(join(import.meta.dir, "../../../docs/configuration.md")).text();
    expect(page).toBe(renderConfiguration());
    for (const { name } of DEFAULTS) expect(page).toContain(`\`${name}\``);
  });
});

function input(given: Partial<SettingsInput>): SettingsInput {
  return {
    fileText: undefined,
    filePath: "appsettings.json",
    environment: {},
    flags: [],
    ...given,
  };
}

function loaded(given: Partial<SettingsInput>) {
  const result = loadSettings(input(given));
  if (!result.ok) throw new Error(result.faults.join("\n"));
  return result;
}

function faultsOf(given: Partial<SettingsInput>): string[] {
  const result = loadSettings(input(given));
  return result.ok ? [] : result.faults;
}

function loadWith(name: string, value: string, ...more: { name: string; value: string }[]) {
  return loadSettings({
    ...{ fileText: undefined, filePath: "", environment: {} },
    flags: [{ name, value }, ...more],
  });
}
