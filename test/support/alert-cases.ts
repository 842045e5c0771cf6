/** When an alert fires, and when it does not although little is missing. For `promtool test rules`. */
export interface AlertCase {
  /** Without the prefix that all names have. */
  alert: string;
  /** What is scraped, a value a minute, in promtool's notation. */
  series: Series;
  /**
   * When it fires, and when it did not yet. What rests on recording rules may come a minute later: promtool
   * evaluates groups in any order.
   */
  at: string;
  before: string;
  labels: Record<string, string>;
  summary: string;
  description: string;
  /** What differs, so that it never fires. */
  never: Record<string, Series>;
}

export type Series = Record<string, string>;

const JOB = { job: "prom-stream-gateway" };
const A = { ...JOB, instance: "a:9091" };
const B = { ...JOB, instance: "b:9091" };
const Q = { queueKey: "q" };
const ID = { gatewayId: "default", ...Q };
const WARNING = { severity: "warning" };
const CRITICAL = { severity: "critical" };

function own(name: string, labels: Record<string, string>): string {
  return selector(`prom_stream_gateway_${name}`, labels);
}

function selector(name: string, labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${pairs.join(",")}}`;
}

const up = (target: Record<string, string>) => selector("up", target);
const info = (target: Record<string, string>, id: Record<string, string> = ID) =>
  own("info", { ...target, ...id, version: "1" });

/** Joined to what has no label for the queue. */
const INFO = { [info(A)]: "1x90" };

/** An owner `a` and its standby `b`. */
const PAIR: Series = {
  ...{ [up(A)]: "1x90", [up(B)]: "1x90", [info(A)]: "1x90", [info(B)]: "1x90" },
  [own("ready", { ...A, ...ID })]: "1x90",
  [own("ready", { ...B, ...ID })]: "0x90",
  [own("standby", { ...A, ...ID })]: "0x90",
  [own("standby", { ...B, ...ID })]: "1x90",
  [own("redis_connected", { ...A, ...Q })]: "1x90",
  [own("redis_connected", { ...B, ...Q })]: "1x90",
};

const PENDING = own("redis_queue_pending_size", { ...A, ...Q });
const PROCESSED = own("processed_metrics_total", { ...A, ...Q, worker: "0" });
const UNCONFIRMED = own("redis_unconfirmed_samples", { ...A, ...Q });
const CERTIFICATE_END = own("web_certificate_expiry_timestamp_seconds", A);
const DAY_SECONDS = 86_400;
const CHECKPOINTS = own("checkpoints_total", { ...A, ...Q });
const CONNECTED = own("redis_connected", { ...A, ...Q });
const LAST_CHECKPOINT = own("last_checkpoint_timestamp_seconds", { ...A, ...Q });
const aged = (le: string) => own("sample_age_seconds_bucket", { ...A, le });

export const ALERT_CASES: AlertCase[] = [
  {
    alert: "Absent",
    series: { [selector("up", { job: "other" })]: "1x90" },
    ...{ before: "9m", at: "10m" },
    labels: { ...JOB, ...CRITICAL },
    summary: "Prometheus has no gateway to scrape",
    description:
      "There is no target of the job prom-stream-gateway: no instance of any queue is known, so nobody would notice that samples are not taken.",
    never: { "a target that is down": { [up(A)]: "0x90" } },
  },
  {
    alert: "Down",
    series: { [up(A)]: "1x9 0x80", [up(B)]: "1x90" },
    ...{ before: "12m", at: "13m" },
    labels: { ...A, ...WARNING },
    summary: "Gateway a:9091 cannot be scraped",
    description:
      "a:9091 gives no answer to Prometheus, or refuses: it is down, cut off, or recovering still. Whether another process works on its queue, PromStreamGatewayNotReady says.",
    never: {
      "a restart, or a recovery, of two minutes": { [up(A)]: "1x9 0x2 1x80" },
      "another job": { [selector("up", { job: "other", instance: "a" })]: "0x90" },
    },
  },
  {
    alert: "NotReady",
    series: {
      ...PAIR,
      [own("ready", { ...A, ...ID })]: "1x9 _x80",
      [own("standby", { ...A, ...ID })]: "0x9 _x80",
      [info(A)]: "1x9 _x80",
      [up(A)]: "1x9 0x80",
    },
    ...{ before: "16m", at: "20m" },
    labels: { ...JOB, ...ID, ...CRITICAL },
    summary: "No gateway takes samples off q as default",
    description:
      "None of the 2 instances with the id default is ready. Samples wait in q, and its totals stand still.",
    never: {
      "the standby took over": {
        ...PAIR,
        [own("ready", { ...A, ...ID })]: "1x9 _x80",
        [own("ready", { ...B, ...ID })]: "0x10 1x80",
        [up(A)]: "1x9 0x80",
      },
      "it shows prom_stream_gateway_info only": { ...INFO, [up(A)]: "1x90" },
      "Redis is away, which has an alert of its own": {
        ...PAIR,
        [own("ready", { ...A, ...ID })]: "1x9 0x80",
        [own("standby", { ...B, ...ID })]: "1x9 0x80",
        [own("redis_connected", { ...A, ...Q })]: "1x9 0x80",
        [own("redis_connected", { ...B, ...Q })]: "1x9 0x80",
      },
    },
  },
  {
    alert: "StandbyMissing",
    series: { ...PAIR, [own("standby", { ...B, ...ID })]: "1x9 0x80" },
    ...{ before: "19m", at: "22m" },
    labels: { ...JOB, ...ID, ...WARNING },
    summary: "A standby is missing for q",
    description:
      "One instance with the id default takes samples off q, and of the others 1 cannot take over.",
    never: {
      "it takes nine minutes to come back": {
        ...PAIR,
        [own("standby", { ...B, ...ID })]: "1x9 0x8 1x80",
      },
      "one instance alone, also with another version since": {
        ...{ [up(A)]: "1x90", [info(A)]: "1x20", [`${info(A).slice(0, -3)}2"}`]: "_x20 1x69" },
        [own("ready", { ...A, ...ID })]: "1x90",
        [own("standby", { ...A, ...ID })]: "0x90",
      },
      "two instances with the same id that both work, as on two hosts' embedded queues": {
        ...PAIR,
        [own("ready", { ...B, ...ID })]: "1x90",
        [own("standby", { ...B, ...ID })]: "0x90",
      },
      "two instances with ids of their own": {
        ...{ [up(A)]: "1x90", [up(B)]: "1x90" },
        ...{ [info(A)]: "1x90", [info(B, { gatewayId: "b", ...Q })]: "1x90" },
        [own("ready", { ...A, ...ID })]: "1x90",
        [own("ready", { ...B, gatewayId: "b", ...Q })]: "1x90",
        [own("standby", { ...A, ...ID })]: "0x90",
        [own("standby", { ...B, gatewayId: "b", ...Q })]: "0x90",
      },
      "a pod that was replaced: its target is gone": {
        ...PAIR,
        ...{ [up(A)]: "1x20 _x70", [info(A)]: "1x20 _x70", [up(B)]: "1x90" },
        [own("ready", { ...A, ...ID })]: "1x20 _x70",
        [own("ready", { ...B, ...ID })]: "0x20 1x70",
        [own("standby", { ...A, ...ID })]: "0x20 _x70",
        [own("standby", { ...B, ...ID })]: "1x20 0x70",
      },
    },
  },
  {
    alert: "Restarting",
    series: { ...INFO, [own("process_start_time_seconds", A)]: "1x9 2x4 3x4 4x70" },
    ...{ before: "19m", at: "20m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Gateway a:9091 restarts again and again",
    description: "a:9091 (q) was started 3 times within 30 minutes.",
    never: {
      "it was started twice": {
        ...INFO,
        [own("process_start_time_seconds", A)]: "1x9 2x4 3x70",
      },
    },
  },
  {
    alert: "RedisAway",
    series: { [CONNECTED]: "1x9 0x80" },
    ...{ before: "11m", at: "12m" },
    labels: { ...A, ...Q, ...CRITICAL },
    summary: "Gateway a:9091 cannot take samples off q",
    description:
      "a:9091 has not reached Redis for q, or Redis refuses, for two minutes. Nothing of what is in the queue is lost by it, but senders may fail as well.",
    never: { "a minute's pause": { [CONNECTED]: "1x9 0x1 1x80" } },
  },
  {
    alert: "RedisReconnecting",
    series: { [own("redis_reconnects_total", { ...A, ...Q })]: "0+0x9 1+1x5 6x70" },
    ...{ before: "13m", at: "16m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Gateway a:9091 keeps losing Redis",
    description: "a:9091 had to connect anew 6 times within 30 minutes to the Redis of q.",
    never: { "five times": { [own("redis_reconnects_total", { ...A, ...Q })]: "0x9 1+1x4 5x70" } },
  },
  {
    alert: "BacklogGrowing",
    // 10 a second are applied, so 600 are a minute's work.
    series: {
      [PENDING]: "0+100x90",
      [PROCESSED]: "0+600x90",
      [own("is_owner", A)]: "1x90",
    },
    ...{ before: "25m", at: "28m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "The backlog of q grows",
    description:
      "Senders are faster than a:9091: at least 1.8k list elements wait in q, which is more than a minute's work, and they become more.",
    never: {
      "it is large, and does not grow": {
        ...{ [PENDING]: "9000x90", [PROCESSED]: "0+600x90", [own("is_owner", A)]: "1x90" },
      },
      "it grows, and is less than a minute's work": {
        ...{ [PENDING]: "0+6x90", [PROCESSED]: "0+600x90", [own("is_owner", A)]: "1x90" },
      },
      "a burst, which is worked off": {
        [PENDING]: "0x9 9000-1000x9 0x70",
        ...{ [PROCESSED]: "0+600x90", [own("is_owner", A)]: "1x90" },
      },
      "a standby sees it, which does not work": {
        ...{ [PENDING]: "0+100x90", [own("is_owner", A)]: "0x90" },
      },
    },
  },
  {
    alert: "Lagging",
    series: { [own("oldest_sample_age_seconds", { ...A, ...Q })]: "0x9 61x80" },
    ...{ before: "14m", at: "15m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Totals of q are late",
    description:
      "The oldest sample that a:9091 has claimed from q and not applied yet is up to 1m 1s old.",
    never: {
      "a minute": { [own("oldest_sample_age_seconds", { ...A, ...Q })]: "0x9 60x80" },
      "four minutes long": {
        [own("oldest_sample_age_seconds", { ...A, ...Q })]: "0x9 600x4 0x70",
      },
    },
  },
  {
    alert: "WorkersRestarting",
    series: {
      ...INFO,
      [own("worker_restarts_total", { ...A, worker: "0" })]: "0x9 2x80",
      [own("worker_restarts_total", { ...A, worker: "1" })]: "0x9 1x80",
    },
    ...{ before: "9m", at: "11m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Workers of gateway a:9091 die",
    description:
      "3 workers of a:9091 (q) died within 15 minutes. Their ranges are read again, and nothing is lost.",
    never: {
      "one died": { ...INFO, [own("worker_restarts_total", { ...A, worker: "0" })]: "0x9 1x80" },
    },
  },
  {
    alert: "EventLoopLag",
    series: { ...INFO, [own("event_loop_lag_seconds", A)]: "0.1x9 0.6x80" },
    ...{ before: "19m", at: "20m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "The main thread of gateway a:9091 is held up",
    description:
      "a:9091 (q) is 600ms late, again and again. Scrapes wait that long, and near Gateway.LeaseMs the lease is in danger.",
    never: {
      "half a second": { ...INFO, [own("event_loop_lag_seconds", A)]: "0.5x90" },
      "now and then": { ...INFO, [own("event_loop_lag_seconds", A)]: "0.6x8 0 0.6x8 0 0.6x8 0x60" },
    },
  },
  {
    alert: "ScrapesRefused",
    series: {
      ...INFO,
      [own("scrapes_refused_total", { ...A, reason: "timeout" })]: "0x9 1+6x80",
    },
    ...{ before: "19m", at: "20m" },
    labels: { ...A, ...Q, reason: "timeout", ...WARNING },
    summary: "Gateway a:9091 refuses scrapes (timeout)",
    description:
      "a:9091 (q) has refused or broken off scrapes for ten minutes, for the reason timeout: series have gaps.",
    never: {
      "it was not ready": {
        ...INFO,
        [own("scrapes_refused_total", { ...A, reason: "not_ready" })]: "0x9 1+6x80",
      },
      "a single one": {
        ...INFO,
        [own("scrapes_refused_total", { ...A, reason: "in_flight" })]: "0x9 1x80",
      },
    },
  },
  {
    alert: "WebConfigRefused",
    series: { ...INFO, [own("web_config_last_reload_successful", A)]: "1x9 0x80" },
    ...{ before: "24m", at: "25m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Gateway a:9091 cannot use its web configuration",
    description:
      "The files of Web.ConfigFile or Web.BearerTokenFile of a:9091 (q) are wrong. What they said before counts, until a restart, which fails.",
    never: {
      "a file that was half written for a while": {
        ...{ ...INFO, [own("web_config_last_reload_successful", A)]: "1x9 0x13 1x80" },
      },
    },
  },
  {
    alert: "CertificateEnding",
    // A quarter of an hour above the limit at first; what is tested begins in 1970.
    series: { ...INFO, [CERTIFICATE_END]: `${14 * DAY_SECONDS + 15 * 60}x90` },
    ...{ before: "30m", at: "31m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "The certificate of gateway a:9091 ends soon",
    description:
      "The certificate that a:9091 (q) shows is good for another 13d 23h 44m 0s. Then no scrape gets through.",
    never: {
      "it is renewed at once": {
        ...INFO,
        [CERTIFICATE_END]: `${14 * DAY_SECONDS + 60}x15 ${90 * DAY_SECONDS}x75`,
      },
      "it ends later": { ...INFO, [CERTIFICATE_END]: `${15 * DAY_SECONDS}x90` },
    },
  },
  {
    alert: "SamplesLost",
    series: { [own("lost_samples_total", { ...A, ...Q })]: "0x9 30x80" },
    ...{ before: "9m", at: "10m" },
    labels: { ...A, ...Q, ...CRITICAL },
    summary: "Samples of q were lost",
    description: "a:9091 had claimed 30 list elements of q that are gone: they are in no total.",
    never: { none: { [own("lost_samples_total", { ...A, ...Q })]: "0x90" } },
  },
  {
    alert: "SamplesUncertain",
    series: { [own("uncertain_samples_total", { ...A, ...Q })]: "0x14 30x80" },
    ...{ before: "14m", at: "16m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Samples of q may be counted twice",
    description:
      "Redis went back to an older state. Up to 30 list elements of q may be in the totals of a:9091 twice.",
    never: { none: { [own("uncertain_samples_total", { ...A, ...Q })]: "0x90" } },
  },
  {
    alert: "SamplesDropped",
    series: {
      [own("dropped_metrics_total", { ...A, ...Q, reason: "invalid_json" })]: "0x9 30+30x80",
    },
    ...{ before: "24m", at: "26m" },
    labels: { ...A, ...Q, reason: "invalid_json", ...WARNING },
    summary: "Samples of q are refused (invalid_json)",
    description:
      "a:9091 has refused samples of q for 15 minutes, 0.5 a second, for the reason invalid_json. They are in no total.",
    never: {
      "a sender that is mended within ten minutes": {
        [own("dropped_metrics_total", { ...A, ...Q, reason: "invalid_json" })]:
          "0x9 30+30x9 300x70",
      },
      "what a rule drops": {
        [own("dropped_metrics_total", { ...A, ...Q, reason: "relabel" })]: "0+30x90",
      },
    },
  },
  {
    alert: "SeriesLimitNear",
    series: {
      ...INFO,
      [own("series", A)]: "100x9 810x80",
      [own("series_limit", A)]: "1000x90",
    },
    ...{ before: "23m", at: "26m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Gateway a:9091 is near its limit of series",
    description:
      "a:9091 (q) holds 81% of Metrics.MaxSeries. Beyond that, samples for new series are not taken as they are.",
    never: {
      "four fifths": { ...INFO, [own("series", A)]: "800x90", [own("series_limit", A)]: "1000x90" },
      "no limit": { ...INFO, [own("series", A)]: "800x90", [own("series_limit", A)]: "0x90" },
    },
  },
  {
    alert: "SamplesLimited",
    series: {
      ...INFO,
      [own("limited_samples_total", { ...A, family: "x" })]: "0x9 30+30x80",
      [own("limited_samples_total", { ...A, family: "y" })]: "0x9 30+30x80",
    },
    ...{ before: "14m", at: "15m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Gateway a:9091 has no room for new series",
    description:
      "1 samples a second of q find no room at a:9091 for a series of their own: they are dropped, or go into an overflow series.",
    never: {
      "one sample": { ...INFO, [own("limited_samples_total", { ...A, family: "x" })]: "0x9 1x80" },
    },
  },
  {
    alert: "SamplesOld",
    series: {
      ...INFO,
      [aged("300")]: "0x9 0+8x80",
      [aged("3600")]: "0x9 0+10x80",
      [aged("+Inf")]: "0x9 0+10x80",
    },
    ...{ before: "24m", at: "27m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Samples of q come late",
    description:
      "A tenth of the samples with a timestamp that a:9091 claims from q is older than 32m 30s.",
    never: {
      "nine of ten are young": {
        ...INFO,
        [aged("300")]: "0+9x90",
        [aged("3600")]: "0+10x90",
        [aged("+Inf")]: "0+10x90",
      },
    },
  },
  {
    alert: "ClockSkewed",
    series: { [LAST_CHECKPOINT]: "61+60x90" },
    ...{ before: "9m", at: "10m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "The clock of gateway a:9091 is wrong",
    description: "a:9091 (q) made a checkpoint at a time that Prometheus' clock has 1m 1s away.",
    never: {
      "a minute ahead": { [LAST_CHECKPOINT]: "60+60x90" },
      "nothing is pushed, so there are no checkpoints": { [LAST_CHECKPOINT]: "0+60x20 1200x70" },
    },
  },
  {
    alert: "ClockSkewed",
    series: { [LAST_CHECKPOINT]: "-361+60x90" },
    ...{ before: "10m", at: "11m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "The clock of gateway a:9091 is wrong",
    description: "a:9091 (q) made a checkpoint at a time that Prometheus' clock has -6m 1s away.",
    never: { "six minutes behind": { [LAST_CHECKPOINT]: "-360+60x90" } },
  },
  {
    alert: "CheckpointsFailing",
    series: {
      ...{ [CONNECTED]: "1x90", [CHECKPOINTS]: "0+60x9 540x80" },
      [UNCONFIRMED]: "0x9 500+100x80",
    },
    ...{ before: "23m", at: "26m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Gateway a:9091 makes no checkpoints",
    description:
      "No checkpoint of a:9091 has counted for ten minutes. At least 1.1k list elements of q are kept until one does, and a restart reads them again.",
    never: {
      "nothing is pushed": {
        ...{ [CONNECTED]: "1x90", [CHECKPOINTS]: "5x90", [UNCONFIRMED]: "0x90" },
      },
      "some of them count": {
        ...{ [CONNECTED]: "1x90", [CHECKPOINTS]: "0+0.2x90", [UNCONFIRMED]: "900x90" },
      },
      "Redis is away": {
        ...{ [CONNECTED]: "0x90", [CHECKPOINTS]: "5x90", [UNCONFIRMED]: "900x90" },
      },
    },
  },
  {
    alert: "SendersWaiting",
    series: { ...INFO, [own("embedded_pauses_total", A)]: "0x9 1+2x80" },
    ...{ before: "24m", at: "25m" },
    labels: { ...A, ...Q, ...WARNING },
    summary: "Senders wait for gateway a:9091",
    description:
      "The buffer of a:9091 for q was full again and again for 15 minutes: pushes take longer.",
    never: {
      "ten minutes long": { ...INFO, [own("embedded_pauses_total", A)]: "0x9 1+2x8 17x70" },
    },
  },
  {
    alert: "SendersRefused",
    series: { ...INFO, [own("embedded_clients_refused_total", A)]: "0x9 4+4x80" },
    ...{ before: "14m", at: "16m" },
    labels: { ...A, ...Q, ...CRITICAL },
    summary: "Gateway a:9091 refuses senders",
    description:
      "a:9091 has refused 20 connections of senders to q within five minutes, since 10,000 are open.",
    never: { one: { ...INFO, [own("embedded_clients_refused_total", A)]: "0x9 1x80" } },
  },
];
