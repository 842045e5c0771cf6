/**
 * What the status page is told, as `/api/v1/*` answers it in Prometheus' envelope. Types only: the
 * page imports them, too.
 *
 * Times (`...Ms`) are in ms since 1970. What is not known is null.
 */

/** A sample's value, which JSON cannot always say as a number: "NaN", "+Inf" and "-Inf" are texts. */
export type JsonValue = number | "NaN" | "+Inf" | "-Inf";

/** `GET /api/v1/status` */
export interface Status {
  version: string;
  revision: string;
  startedAtMs: number;
  nowMs: number;
  gatewayId: string;
  queueKey: string;
  ready: boolean;
  /** Why it is not ready. */
  reason: string | null;
  standby: boolean;
  owner: boolean;
  families: number;
  series: number;
  /** 0: no limit. */
  seriesMax: number;
  /** List elements claimed and not applied. */
  pendingElements: number;
  /** List elements claimed that no checkpoint has yet. */
  unconfirmedElements: number;
  /** Over the last five seconds. */
  headline: Headline;
  /** Since the process started. */
  samplesTotal: number;
  droppedTotal: number;
  lostTotal: number;
  queue: QueueStatus;
  workers: WorkerStatus[];
  memoryBytes: number;
  /** All threads, since the process started. */
  cpuSeconds: number;
  isAdminEnabled: boolean;
}

export interface Headline {
  samplesPerSecond: number;
  /** List elements in the queue, or claimed and not applied. Null: the queue does not tell. */
  backlog: number | null;
  /** At most how old the oldest sample is that is claimed and not applied. */
  lagSeconds: number;
  droppedPerSecond: number;
  series: number;
}

export interface QueueStatus {
  kind: "redis" | "embedded";
  /** Who has the lease. */
  holder: string | null;
  leaseMs: number;
  /** Until others may take over unless it is renewed. Null: not the owner, or it does not run out. */
  leaseLeftMs: number | null;
  /** Claimed, and not deleted by a checkpoint yet. */
  segments: number;
  /** The segment that was applied last, and how many of its elements are still to be applied. */
  position: { segment: number; left: number } | null;
  /** The last one of this process. Null: none yet, or totals are not kept. */
  lastCheckpoint: { number: number; atMs: number; bytes: number; seconds: number } | null;
  /** Failed attempts since the process started, whether or not one worked. */
  checkpointFailures: number;
  redis: RedisStatus | null;
  embedded: {
    address: string;
    clients: number;
    bufferBytes: number;
    bufferBytesMax: number;
  } | null;
}

export interface RedisStatus {
  /** No credential is in it. */
  address: string;
  version: string | null;
  /** Of the last look at the queue's length; null while it does not answer. */
  latencyMs: number | null;
  usedMemoryBytes: number | null;
  /** 0: no limit. */
  maxMemoryBytes: number | null;
}

export interface WorkerStatus {
  worker: number;
  outstandingRanges: number;
  /** Since the process started, as are the others. */
  batches: number;
  samples: number;
  /** Of the worker's thread alone. */
  cpuSeconds: number;
  restarts: number;
}

/** `GET /api/v1/history`: oldest first, all of equal length. Null: nobody measured then. */
export interface History {
  stepMs: number;
  /** Of the last point; null while there is none. */
  endMs: number | null;
  samplesPerSecond: (number | null)[];
  backlog: (number | null)[];
  lagSeconds: (number | null)[];
  droppedPerSecond: (number | null)[];
  series: (number | null)[];
}

/** An entry of `GET /api/v1/families`. */
export interface FamilyEntry {
  name: string;
  type: "counter" | "gauge" | "histogram" | "summary";
  help: string;
  unit: string;
  series: number;
  /** Over the last fifteen seconds or so. */
  samplesPerSecond: number;
  /** When the oldest of its series began. */
  firstSeenMs: number | null;
  /** Null: no sample since this process took over. Exact to five seconds. */
  lastSeenMs: number | null;
  /** Those of its series that began within the last 15 minutes. */
  growth: number;
}

/** `GET /api/v1/families` with any of its parameters: a page of those that match. */
export interface FamiliesPage {
  /** Families that match, on all pages. */
  total: number;
  offset: number;
  families: FamilyEntry[];
}

/** `GET /api/v1/family`: a page of those of its series that match. */
export interface FamilyPage {
  name: string;
  type: FamilyEntry["type"];
  help: string;
  unit: string;
  /** Series that match, on all pages. */
  total: number;
  offset: number;
  series: SeriesEntry[];
}

export interface SeriesEntry {
  labels: [name: string, value: string][];
  /** When it began. */
  firstSeenMs: number;
  /** Null: not noted, since no series ends by time. */
  lastSeenMs: number | null;
  /** Of a counter or gauge, else null. */
  value: JsonValue | null;
  /** Of a histogram or summary, as the rest is. */
  count?: number;
  sum?: JsonValue;
  /** Of a histogram: upper bound, and observations up to it. */
  buckets?: [le: string, cumulative: number][];
  /** Of a summary. */
  quantiles?: [quantile: string, value: JsonValue][];
}

/** An entry of `GET /api/v1/drops`; most frequent first, and none that never happened. */
export interface DropEntry {
  reason: string;
  /** Since the process started. */
  count: number;
  /** What to do. */
  advice: string;
  /** Newest first, five at most: one of those that a batch dropped. */
  payloads: DroppedPayload[];
}

export interface DroppedPayload {
  atMs: number;
  /** What was pushed, cut to 200 characters as in the log. */
  payload: string;
  /** Of the whole list element. */
  bytes: number;
}

/** An entry of `GET /api/v1/settings`: a setting in force. Secrets are masked. */
export interface SettingEntry {
  name: string;
  text: string;
  /** `default`, `file <path>`, `environment <variable>` or `flag --<name>`. */
  source: string;
}
