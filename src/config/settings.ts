import { maskConnectionString, type RedisConnection } from "./connection-string.ts";
import type { FamilyEntry } from "./family-entries.ts";
import { LISTEN_ADDRESS_FORM, type ListenAddress } from "./listen-address.ts";
import type { RedisAccess } from "./redis-access.ts";
import type { RelabelRule } from "./relabel-rules.ts";
import {
  boolean,
  connectionString,
  gatewayId,
  hostName,
  integer,
  type LogFormat,
  type LogLevel,
  listenAddress,
  logFormat,
  logLevel,
  type NameValidation,
  nameValidation,
  onLimit,
  optionalListenAddress,
  optionalText,
  paths,
  queueKey,
  type SettingSchema,
} from "./setting-schemas.ts";

/** All settings, valid and typed. */
export interface Settings {
  gateway: { id: string; leaseMs: number };
  redis: {
    /** As its string says; what is set in `access` comes first. */
    connection: RedisConnection;
    access: RedisAccess;
    workers: number;
    database: number;
    queueKey: string;
    popCount: number;
    /** With an empty key dropped samples are not kept. */
    deadLetters: { key: string; max: number };
  };
  /** Without an address to listen on the queue is Redis'. */
  embedded: {
    listen: ListenAddress | undefined;
    /** Empty: none is needed. */
    password: string;
    bufferBytesMax: number;
    /** Empty: no state is kept. */
    stateFile: string;
  };
  checkpoint: { isEnabled: boolean; intervalMs: number; maxSamples: number };
  metrics: {
    sortIncomingLabels: boolean;
    disableMetaMetrics: boolean;
    maxMessageBytes: number;
    maxSeries: number;
    maxSeriesPerFamily: number;
    onLimit: "drop" | "overflow";
    seriesTtlSeconds: number;
    maxSampleAgeSeconds: number;
    createdTimestamps: boolean;
    maxLabels: number;
    maxLabelLength: number;
    maxBuckets: number;
    nameValidation: NameValidation;
  };
  /** 0 of a limit: none. */
  web: {
    listen: ListenAddress;
    maxScrapesInFlight: number;
    scrapeTimeoutSeconds: number;
    idleTimeoutSeconds: number;
    isAdminEnabled: boolean;
    /** Empty: neither TLS nor users. */
    configFile: string;
    /** Empty: no tokens. */
    bearerTokenFile: string;
    /** Those that need no login; a `*` at the end stands for any rest. */
    publicPaths: string[];
    maxFailedLogins: number;
  };
  logging: { level: LogLevel; levels: ReadonlyMap<string, LogLevel>; format: LogFormat };
  relabel: RelabelRule[];
  families: FamilyEntry[];
}

export interface Setting<T = unknown> {
  name: string;
  /** As it would be written; undefined: not set. */
  defaultText: string;
  schema: SettingSchema<T>;
  /** What it takes, for the documentation. */
  takes: string;
  doc: string;
  /** Hides the credentials that the value may hold. With it a file may hold the value: `secretFileName`. */
  mask?: (text: string) => string;
}

/** The setting's twin that names a file with the value in it; undefined: it has none. */
export function secretFileName({ name, mask }: Pick<Setting, "name" | "mask">): string | undefined {
  return mask && `${name}File`;
}

function define<T>(setting: Setting<T>): Setting<T> {
  return setting;
}

const maskWhole = (text: string) => (text === "" ? "" : "***");

/** The settings: each stands here once, and everything else is made from this table. */
export const SETTINGS = {
  connection: define({
    name: "Redis.ConnectionString",
    defaultText: "localhost:6379",
    schema: connectionString,
    takes: "see [Connection strings](#connection-strings)",
    doc: "Where Redis is, and how to log in.",
    mask: maskConnectionString,
  }),
  user: define({
    name: "Redis.User",
    defaultText: "",
    schema: optionalText,
    takes: "a text",
    doc: "Whom to log in as. Empty: the connection string's user, or the default one.",
  }),
  password: define({
    name: "Redis.Password",
    defaultText: "",
    schema: optionalText,
    takes: "a text",
    doc: "What to log in with, of the Sentinels, too; it is taken as it stands, nothing in it is special. Empty: the connection string's.",
    mask: maskWhole,
  }),
  tlsCaFile: define({
    name: "Redis.TlsCaFile",
    defaultText: "",
    schema: optionalText,
    takes: "a path, or nothing",
    doc: "The certificates of the authorities that may have signed Redis' own, in PEM. Only these are trusted then. Empty: the well-known ones, which are in the program.",
  }),
  tlsCertificateFile: define({
    name: "Redis.TlsCertificateFile",
    defaultText: "",
    schema: optionalText,
    takes: "a path, or nothing",
    doc: "The certificate that Redis asks of its clients, in PEM; those between it and the authority may follow it.",
  }),
  tlsKeyFile: define({
    name: "Redis.TlsKeyFile",
    defaultText: "",
    schema: optionalText,
    takes: "a path, or nothing",
    doc: "The key of `Redis.TlsCertificateFile`, in PEM and not encrypted. Both may be the same file.",
  }),
  tlsServerName: define({
    name: "Redis.TlsServerName",
    defaultText: "",
    schema: hostName,
    takes: "a name of a host, or nothing",
    doc: "The name that must stand in Redis' certificate, and is asked for. Empty: the connection string's `sslHost`, or its host.",
  }),
  workers: define({
    name: "Redis.MetricQueueWorkers",
    defaultText: "2",
    schema: integer(1, 64),
    takes: "1..64",
    doc: "Threads that read and decode. Totals do not depend on their number.",
  }),
  database: define({
    name: "Redis.MetricQueueDatabase",
    defaultText: "0",
    schema: integer(0, 2 ** 31 - 1),
    takes: "0..2147483647",
    doc: "Redis' database. Not set, the connection string's counts, if it names one.",
  }),
  queueKey: define({
    name: "Redis.MetricQueueKey",
    defaultText: "prom-stream-gateway:metric-queue",
    schema: queueKey,
    takes: "a key",
    doc: "The list that senders push to.",
  }),
  popCount: define({
    name: "Redis.MetricQueuePopCount",
    defaultText: "4000",
    schema: integer(1, 100_000),
    takes: "1..100000",
    doc: "List elements that a worker reads at a time; 1000 at most while many samples are of new series.",
  }),
  deadLetterKey: define({
    name: "Redis.DeadLetterKey",
    defaultText: "",
    schema: optionalText,
    takes: "a key, or nothing",
    doc: "A list for samples that were dropped, newest first, each as JSON with time, reason and payload. On Redis Cluster it must share the queue's hash slot, as `{<queue key>}:dead-letters` does. Empty: none is kept.",
  }),
  deadLetterMax: define({
    name: "Redis.DeadLetterMax",
    defaultText: "10000",
    schema: integer(1, 1_000_000),
    takes: "1..1000000",
    doc: "How many of them are kept; the oldest go first.",
  }),
  gatewayId: define({
    name: "Gateway.Id",
    defaultText: "default",
    schema: gatewayId,
    takes: "1..64 of `A-Z a-z 0-9 . _ -`",
    doc: "Under this name the gateway owns what it took off the queue, and its totals. Gateways that share a queue need different ids; of two processes with the same id one works and the other stands by.",
  }),
  leaseMs: define({
    name: "Gateway.LeaseMs",
    defaultText: "3000",
    schema: integer(500, 600_000),
    takes: "500..600000",
    doc: "How long the ownership lasts unless it is renewed, which happens three times as often: so long a standby waits after a crash, and so long totals are shown while Redis is away.",
  }),
  checkpointEnabled: define({
    name: "Checkpoint.Enabled",
    defaultText: "true",
    schema: boolean,
    takes: "true, false",
    doc: "Keep totals in Redis, or in the file of `Embedded.StateFile`, so that a restart goes on from them. `false`: samples are deleted once they are applied, totals start at zero after a restart, and totals that were kept before are deleted.",
  }),
  checkpointIntervalMs: define({
    name: "Checkpoint.IntervalMs",
    defaultText: "1000",
    schema: integer(10, 3_600_000),
    takes: "10..3600000",
    doc: "How often what has changed is written. Claimed samples stay in Redis until then; nothing depends on it but how many those are, and how much is read again after a crash.",
  }),
  checkpointMaxSamples: define({
    name: "Checkpoint.MaxSamples",
    defaultText: "250000",
    schema: integer(1, 1_000_000_000),
    takes: "1..1000000000",
    doc: "After so many applied samples it is written earlier.",
  }),
  sortIncomingLabels: define({
    name: "Metrics.SortIncomingLabels",
    defaultText: "true",
    schema: boolean,
    takes: "true, false",
    doc: "Show label names in order; `false`: as first sent. Which samples are one series never depends on the order.",
  }),
  disableMetaMetrics: define({
    name: "Metrics.DisableMetaMetrics",
    defaultText: "false",
    schema: boolean,
    takes: "true, false",
    doc: "Leave out the gateway's own metrics, but for `prom_stream_gateway_info`.",
  }),
  maxMessageBytes: define({
    name: "Metrics.MaxMessageBytes",
    defaultText: "1048576",
    schema: integer(1, 536_870_912),
    takes: "1..536870912",
    doc: "A longer list element is dropped as `too_large`.",
  }),
  maxSeries: define({
    name: "Metrics.MaxSeries",
    defaultText: "1000000",
    schema: integer(0, 1_000_000_000),
    takes: "0..1000000000",
    doc: "Series over all families: of a sample that would make one more `Metrics.OnLimit` says what becomes; 0: no limit.",
  }),
  maxSeriesPerFamily: define({
    name: "Metrics.MaxSeriesPerFamily",
    defaultText: "0",
    schema: integer(0, 1_000_000_000),
    takes: "0..1000000000",
    doc: "The same for the series of one family.",
  }),
  onLimit: define({
    name: "Metrics.OnLimit",
    defaultText: "drop",
    schema: onLimit,
    takes: "drop, overflow",
    doc: 'At a limit on series. `drop`: the sample is dropped as `series_limit`. `overflow`: it goes into one series of its family with the label `overflow="true"` and no other, so sums stay right; where its family is new it is dropped. Either way `prom_stream_gateway_limited_samples_total` names the family.',
  }),
  seriesTtlSeconds: define({
    name: "Metrics.SeriesTtlSeconds",
    defaultText: "0",
    schema: integer(0, 2 ** 31 - 1),
    takes: "0..2147483647",
    doc: "A series ends when no sample has come for it for so long, in whole seconds of the clock (so up to a second less): it is not shown any more, and begins anew with the next sample. 0: it stays. `ttlSeconds` of a family, and `ttl` of a sample, come first.",
  }),
  maxSampleAgeSeconds: define({
    name: "Metrics.MaxSampleAgeSeconds",
    defaultText: "0",
    schema: integer(0, 2 ** 31 - 1),
    takes: "0..2147483647",
    doc: "A sample whose `timestamp` says that it was taken longer than this before it was claimed is dropped as `too_old`. 0: none is.",
  }),
  createdTimestamps: define({
    name: "Metrics.CreatedTimestamps",
    defaultText: "false",
    schema: boolean,
    takes: "true, false",
    doc: "Show when each counter, histogram and summary began: as `_created` in OpenMetrics, which Prometheus stores as series of their own unless it is told not to, and in protobuf. Prometheus' text format has no place for it.",
  }),
  maxLabels: define({
    name: "Metrics.MaxLabels",
    defaultText: "64",
    schema: integer(0, 10_000),
    takes: "0..10000",
    doc: "A sample with more labels is dropped as `too_many_labels`; 0: no limit.",
  }),
  maxLabelLength: define({
    name: "Metrics.MaxLabelLength",
    defaultText: "4096",
    schema: integer(0, 1_048_576),
    takes: "0..1048576",
    doc: "Bytes of a metric name, a label name or a label value; longer ones are dropped as `label_too_long`, a longer help is cut, and a longer unit left out. 0: no limit.",
  }),
  maxBuckets: define({
    name: "Metrics.MaxBuckets",
    defaultText: "1000",
    schema: integer(1, 10_000),
    takes: "1..10000",
    doc: "Bounds of a histogram, buckets of a native one, quantiles of a summary; more are dropped as `invalid_buckets`, `invalid_counts`, `invalid_native`, `invalid_quantiles`.",
  }),
  nameValidation: define({
    name: "Metrics.NameValidation",
    defaultText: "legacy",
    schema: nameValidation,
    takes: "legacy, utf8",
    doc: "Names of metrics and labels: `legacy`: letters, digits and underscores (and colons, of metrics); `utf8`: any text, as Prometheus 3 takes them.",
  }),
  listen: define({
    name: "Web.ListenAddress",
    defaultText: ":9091",
    schema: listenAddress,
    takes: LISTEN_ADDRESS_FORM,
    doc: "Where `/metrics` and the health checks are served; port 0: any free one.",
  }),
  maxScrapesInFlight: define({
    name: "Web.MaxScrapesInFlight",
    defaultText: "16",
    schema: integer(0, 10_000),
    takes: "0..10000",
    doc: "Scrapes that are answered at a time; one more gets 503. Each may hold on to values that have changed since. 0: no limit.",
  }),
  enableAdminApi: define({
    name: "Web.EnableAdminApi",
    defaultText: "false",
    schema: boolean,
    takes: "true, false",
    doc: "Let whoever reaches `Web.ListenAddress` end series: `DELETE /api/v1/series`, `PUT /api/v1/admin/wipe`.",
  }),
  scrapeTimeoutSeconds: define({
    name: "Web.ScrapeTimeoutSeconds",
    defaultText: "120",
    schema: integer(0, 86_400),
    takes: "0..86400",
    doc: "A scrape that takes longer gets 503, or is broken off when its answer has begun, as is a list of all series or families that takes longer. Of a scrape, what Prometheus says in `X-Prometheus-Scrape-Timeout-Seconds` counts too: the shorter of both. 0: only that.",
  }),
  idleTimeoutSeconds: define({
    name: "Web.IdleTimeoutSeconds",
    defaultText: "60",
    schema: integer(1, 255),
    takes: "1..255",
    doc: "A connection on which nothing moves for so long is closed, up to 4 s later than that: no next request, no body that goes on, no byte of the answer taken. Its first request has 10 s to come whole, whatever is set here.",
  }),
  webConfigFile: define({
    name: "Web.ConfigFile",
    defaultText: "",
    schema: optionalText,
    takes: "a path, or nothing",
    doc: "TLS, client certificates, users and headers, in the form of Prometheus' `web-config.yml`; read again when it changes. See [who may look](web-configuration.md).",
  }),
  bearerTokenFile: define({
    name: "Web.BearerTokenFile",
    defaultText: "",
    schema: optionalText,
    takes: "a path, or nothing",
    doc: "Tokens, one a line, of which a request must bring one, or a user's login where there are users; read again when it changes.",
  }),
  publicPaths: define({
    name: "Web.PublicPaths",
    defaultText: "",
    schema: paths,
    takes: "paths with commas between; `*` at the end of one stands for any rest",
    doc: "What needs no login where everything else does: `/metrics,/-/*` for example.",
  }),
  maxFailedLogins: define({
    name: "Web.MaxFailedLogins",
    defaultText: "20",
    schema: integer(0, 1_000_000),
    takes: "0..1000000",
    doc: "A client that fails to log in so often within a minute is refused until that is over; 0: no limit. Clients are told apart by their addresses, of IPv6 by the first 64 bits: behind a proxy they are one.",
  }),
  embeddedListen: define({
    name: "Embedded.ListenAddress",
    defaultText: "",
    schema: optionalListenAddress,
    takes: `${LISTEN_ADDRESS_FORM}, or nothing`,
    doc: "With it the gateway needs no Redis: it takes itself, on this address, what senders push, as Redis would. `--embedded` stands for `127.0.0.1:6379`. Of `Redis` then only the queue's key, the workers and the size of their ranges count.",
  }),
  embeddedPassword: define({
    name: "Embedded.Password",
    defaultText: "",
    schema: optionalText,
    takes: "a text",
    doc: "With it senders must log in, as the user `default` or without a user. Needed on an address that other hosts reach.",
    mask: maskWhole,
  }),
  embeddedInsecure: define({
    name: "Embedded.AllowInsecure",
    defaultText: "false",
    schema: boolean,
    takes: "true, false",
    doc: "Listen without a password on an address that other hosts reach.",
  }),
  embeddedBufferBytesMax: define({
    name: "Embedded.MaxBufferBytes",
    defaultText: "67108864",
    schema: integer(33_554_432, 68_719_476_736),
    takes: "33554432..68719476736",
    doc: "Memory for samples that wait and requests that have come in part. Senders wait when half of it is in use. One request may have an eighth of it, and about 14,000 arguments for each 8 MiB of it.",
  }),
  embeddedStateFile: define({
    name: "Embedded.StateFile",
    defaultText: "",
    schema: optionalText,
    takes: "a path, or nothing",
    doc: "Where totals are kept, so that a restart goes on from them; files with the same name and `.lock`, `.new` or `.damaged-<time>` behind it stand beside it. Empty: they start at zero.",
  }),
  logLevel: define({
    name: "Logging.LogLevel.Default",
    defaultText: "Information",
    schema: logLevel,
    takes: "Trace, Debug, Information, Warning, Error, Critical, None",
    doc: "The least important lines that are logged.",
  }),
  logFormat: define({
    name: "Logging.Format",
    defaultText: "auto",
    schema: logFormat,
    takes: "auto, json, text",
    doc: "How lines are written: JSON objects, or text that is quick to read. `auto`: text on a terminal, else JSON. What lines there are: [logs.md](logs.md).",
  }),
};

/** Of all settings, and of the files that may hold the secret ones. */
export const SETTING_NAMES = Object.values(SETTINGS).flatMap((setting) => {
  const file = secretFileName(setting);
  return file === undefined ? [setting.name] : [setting.name, file];
});

/** `Logging.LogLevel.<area>` overrides the default for one area of the log. */
export const LOG_LEVEL_PREFIX = "Logging.LogLevel.";

/** The sections of a file, and first words of a variable, that are ours. */
export const SECTIONS = [
  "Redis",
  "Gateway",
  "Checkpoint",
  "Metrics",
  "Web",
  "Embedded",
  "Logging",
] as const;

/** The settings that are lists: see `list-setting.ts`. */
export const LIST_NAMES = ["Relabel", "Families"] as const;
