import * as v from "valibot";
import { faultLine } from "./fault.ts";
import type { EntryLimits } from "./list-setting.ts";
import { isLoopback } from "./listen-address.ts";
import { takeLists } from "./lists.ts";
import { nearestName } from "./nearest-name.ts";
import { takeGiven } from "./secret-file.ts";
import { type LogLevel, logLevel } from "./setting-schemas.ts";
import {
  LOG_LEVEL_PREFIX,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type Settings,
} from "./settings.ts";
import {
  type Entry,
  entryKey,
  readEnvironmentEntries,
  readFileEntries,
  readFlagEntries,
  type SourceRead,
  shownName,
} from "./sources.ts";
import { type FileRead, readSecretFile } from "./text-file.ts";

export interface SettingsInput {
  /** The file's content; undefined when there is no file. */
  fileText: string | undefined;
  filePath: string;
  environment: Readonly<Record<string, string | undefined>>;
  flags: readonly { name: string; value: string }[];
}

/** A setting in force, fit to be shown: no credential is in `text`. */
export interface EffectiveSetting {
  name: string;
  text: string;
  /**
   * `default`, `file <path>`, `environment <variable>` or `flag --<name>`; of a secret that stands in a
   * file of its own `file <path>, named by <setting>`.
   */
  source: string;
}

export type SettingsLoaded =
  | { ok: true; settings: Settings; effective: EffectiveSetting[] }
  | { ok: false; faults: string[] };

const DEFAULT_SOURCE = "default";

/**
 * Puts the settings together: the file, then the environment, then the flags; the later wins.
 * Names are taken in any case. A secret may stand in a file of its own, which `readSecret` reads.
 * Gathers all faults, one line each, none with a credential.
 */
export function loadSettings(
  input: SettingsInput,
  readSecret: (path: string) => FileRead = readSecretFile,
): SettingsLoaded {
  const sources: SourceRead[] = [
    input.fileText === undefined
      ? { entries: [], faults: [] }
      : readFileEntries(input.fileText, input.filePath),
    readEnvironmentEntries(input.environment),
    readFlagEntries(input.flags),
  ];
  const faults = sources.flatMap((source) => source.faults);
  const chosen = new Map<string, Entry>();
  for (const entry of sources.flatMap((source) => source.entries)) {
    chosen.set(entryKey(entry.name), entry);
  }
  const effective: EffectiveSetting[] = [];
  const values = new Map<Setting, { value: unknown; isSet: boolean; file: string }>();
  for (const setting of Object.values(SETTINGS) as Setting[]) {
    const given = takeGiven(setting, chosen, readSecret);
    if ("fault" in given) {
      faults.push(given.fault);
      continue;
    }
    const { entry, file } = given;
    const text = entry?.text ?? setting.defaultText;
    const result = v.safeParse(setting.schema, text);
    if (result.success)
      values.set(setting, { value: result.output, isSet: entry !== undefined, file });
    else faults.push(faultOf(setting, text, result.issues[0].message, entry?.source));
    effective.push({
      name: setting.name,
      text: setting.mask?.(text) ?? text,
      source: entry?.source ?? DEFAULT_SOURCE,
    });
  }
  faults.push(...deadLetterFaults(values, effective), ...insecureFaults(values, effective));
  const levels = takeLevels(chosen, effective, faults);
  const lists = takeLists(chosen, entryLimits(values), effective, faults);
  for (const entry of chosen.values()) faults.push(unknownFault(entry));
  if (faults.length > 0) return { ok: false, faults };
  const settings = toSettings(values, levels, lists);
  showDatabase(settings, effective);
  return { ok: true, settings, effective };
}

/** The dead letters must not come back as samples, and need a Redis that keeps them. */
function deadLetterFaults(
  values: ReadonlyMap<Setting, { value: unknown }>,
  effective: readonly EffectiveSetting[],
): string[] {
  const { queueKey, deadLetterKey, embeddedListen } = SETTINGS;
  const key = values.get(deadLetterKey as Setting)?.value;
  const isSame = key === values.get(queueKey as Setting)?.value && key !== undefined;
  const hasNoRedis = values.get(embeddedListen as Setting)?.value !== undefined && key !== "";
  if (!isSame && !hasNoRedis) return [];
  const fault = isSame
    ? "must not be the queue's key"
    : "needs Redis; with Embedded.ListenAddress there is none";
  return [faultOf(deadLetterKey, String(key), fault, shownOf(deadLetterKey, effective)?.source)];
}

/** Who can reach the queue can push, and fill the memory. */
function insecureFaults(
  values: ReadonlyMap<Setting, { value: unknown }>,
  effective: readonly EffectiveSetting[],
): string[] {
  const { embeddedListen, embeddedPassword, embeddedInsecure } = SETTINGS;
  const get = <T>(setting: Setting<T>) => values.get(setting as Setting)?.value as T | undefined;
  const listen = get(embeddedListen);
  if (listen === undefined || isLoopback(listen)) return [];
  if (get(embeddedPassword) !== "" || get(embeddedInsecure) === true) return [];
  const shown = shownOf(embeddedListen, effective);
  const fault =
    "is reached by other hosts: set Embedded.Password, listen on 127.0.0.1, or set Embedded.AllowInsecure=true";
  return [faultOf(embeddedListen, shown?.text ?? "", fault, shown?.source)];
}

function shownOf(
  setting: Pick<Setting, "name">,
  effective: readonly EffectiveSetting[],
): EffectiveSetting | undefined {
  return effective.find(({ name }) => name === setting.name);
}

/** A database that is not set by itself is the connection string's, if that names one. */
function showDatabase(settings: Settings, effective: EffectiveSetting[]): void {
  const database = shownOf(SETTINGS.database, effective);
  const connection = shownOf(SETTINGS.connection, effective);
  if (settings.redis.connection.database === undefined) return;
  if (database?.source !== DEFAULT_SOURCE || connection === undefined) return;
  database.text = String(settings.redis.database);
  database.source = connection.source;
}

/** Where these settings are wrong themselves, lists are held to the widest. */
function entryLimits(values: ReadonlyMap<Setting, { value: unknown }>): EntryLimits {
  const get = <T>(setting: Setting<T>) => values.get(setting as Setting)?.value as T | undefined;
  return {
    maxBuckets: get(SETTINGS.maxBuckets) ?? Infinity,
    nameValidation: get(SETTINGS.nameValidation) ?? "utf8",
  };
}

/** Takes the levels of areas out of `chosen`. */
function takeLevels(
  chosen: Map<string, Entry>,
  effective: EffectiveSetting[],
  faults: string[],
): Map<string, LogLevel> {
  const levels = new Map<string, LogLevel>();
  const prefix = LOG_LEVEL_PREFIX.toLowerCase();
  for (const [key, entry] of [...chosen]) {
    if (!key.startsWith(prefix) || key === prefix) continue;
    chosen.delete(key);
    const { name, text, source } = entry;
    const result = v.safeParse(logLevel, text);
    if (result.success) levels.set(key.slice(prefix.length), result.output);
    else faults.push(faultOf({ name: shownName(name) }, text, result.issues[0].message, source));
    effective.push({ name, text, source });
  }
  return levels;
}

function toSettings(
  values: ReadonlyMap<Setting, { value: unknown; isSet: boolean; file: string }>,
  levels: ReadonlyMap<string, LogLevel>,
  lists: Pick<Settings, "relabel" | "families">,
): Settings {
  // What a setting's schema gave out is what its type says.
  const get = <T>(setting: Setting<T>) => values.get(setting as Setting)!.value as T;
  const isSet = (setting: Setting<never> | Setting<number>) =>
    values.get(setting as Setting)!.isSet;
  const fileOf = <T>(setting: Setting<T>) => values.get(setting as Setting)!.file;
  const s = SETTINGS;
  const connection = get(s.connection);
  const database = get(s.database);
  return {
    gateway: { id: get(s.gatewayId), leaseMs: get(s.leaseMs) },
    redis: {
      connection,
      access: {
        user: get(s.user),
        password: get(s.password),
        tlsServerName: get(s.tlsServerName),
        tls: { ca: "", certificate: "", key: "" },
        files: {
          connectionString: fileOf(s.connection),
          password: fileOf(s.password),
          ca: get(s.tlsCaFile),
          certificate: get(s.tlsCertificateFile),
          key: get(s.tlsKeyFile),
        },
      },
      workers: get(s.workers),
      database: isSet(s.database) ? database : (connection.database ?? database),
      queueKey: get(s.queueKey),
      popCount: get(s.popCount),
      deadLetters: { key: get(s.deadLetterKey), max: get(s.deadLetterMax) },
    },
    embedded: {
      listen: get(s.embeddedListen),
      password: get(s.embeddedPassword),
      bufferBytesMax: get(s.embeddedBufferBytesMax),
      stateFile: get(s.embeddedStateFile),
    },
    checkpoint: {
      isEnabled: get(s.checkpointEnabled),
      intervalMs: get(s.checkpointIntervalMs),
      maxSamples: get(s.checkpointMaxSamples),
    },
    metrics: {
      sortIncomingLabels: get(s.sortIncomingLabels),
      disableMetaMetrics: get(s.disableMetaMetrics),
      maxMessageBytes: get(s.maxMessageBytes),
      maxSeries: get(s.maxSeries),
      maxSeriesPerFamily: get(s.maxSeriesPerFamily),
      onLimit: get(s.onLimit),
      seriesTtlSeconds: get(s.seriesTtlSeconds),
      maxSampleAgeSeconds: get(s.maxSampleAgeSeconds),
      createdTimestamps: get(s.createdTimestamps),
      maxLabels: get(s.maxLabels),
      maxLabelLength: get(s.maxLabelLength),
      maxBuckets: get(s.maxBuckets),
      nameValidation: get(s.nameValidation),
    },
    web: {
      listen: get(s.listen),
      maxScrapesInFlight: get(s.maxScrapesInFlight),
      scrapeTimeoutSeconds: get(s.scrapeTimeoutSeconds),
      idleTimeoutSeconds: get(s.idleTimeoutSeconds),
      isAdminEnabled: get(s.enableAdminApi),
      configFile: get(s.webConfigFile),
      bearerTokenFile: get(s.bearerTokenFile),
      publicPaths: get(s.publicPaths),
      maxFailedLogins: get(s.maxFailedLogins),
    },
    logging: { level: get(s.logLevel), levels, format: get(s.logFormat) },
    ...lists,
  };
}

function faultOf(
  setting: Pick<Setting, "name" | "mask">,
  text: string,
  fault: string,
  source = DEFAULT_SOURCE,
): string {
  return faultLine(setting.name, fault, setting.mask ? undefined : text, source);
}

function unknownFault({ name, source }: Entry): string {
  // The right name in the wrong section, or a near one.
  const near =
    SETTING_NAMES.find((other) => lastPart(other) === lastPart(name)) ??
    nearestName(name, SETTING_NAMES);
  const remedy = near === undefined ? "; see --help" : `; did you mean ${near}?`;
  return `config: ${shownName(name)} is no setting (${source})${remedy}`;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1).toLowerCase();
}
