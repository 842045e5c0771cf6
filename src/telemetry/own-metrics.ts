import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { REVISION, VERSION } from "../build-info.ts";
import type { PlainFamily } from "../exposition/plain-family.ts";
import { REFUSAL_REASONS, REQUEST_REFUSAL_REASONS } from "../http/pages.ts";
import type { Ingestion } from "../ingest/ingestion.ts";
import type { Figures } from "../resp/host.ts";
import { plainFamilyOf } from "./plain-families.ts";

const PREFIX = "prom_stream_gateway_";

const LIMITED_NAMES_MAX = 100;
/** When the process started, in ms since 1970. */
export const STARTED_MS = Math.round(Date.now() - process.uptime() * 1000);

const INFO_HELP =
  "Prometheus Stream Gateway: stateless senders LPUSH JSON samples such as " +
  '{"type":"counter","name":"jobs_total","value":1,"labels":{"job":"x"}} onto a Redis list; this ' +
  "service takes them off, aggregates counters, gauges, histograms and summaries, and shows the " +
  "totals here. Push with LPUSH to the key in the queueKey labels below; scrape /metrics; " +
  "/-/ready says whether samples are being taken. Always 1.";

export interface OwnMetricsOptions {
  gatewayId: string;
  queueKey: string;
  /** How many there are. */
  workers: number;
  /** `Metrics.MaxSeries`; 0: no limit. */
  seriesMax: number;
  /** Whether to show `prom_stream_gateway_info` and nothing else. */
  isInfoOnly: boolean;
}

/** The gateway's own metrics. Each HELP says what the number means and what to do about it. */
export class OwnMetrics {
  readonly #registry = new Registry();
  readonly #options: OwnMetricsOptions;

  readonly processed = this.#counter(
    "processed_metrics_total",
    "Samples that are in the totals. Rises as fast as senders push; flat while the pending size rises means that the gateway is stuck: see /-/ready and the log.",
    ["worker", "queueKey"],
  );
  readonly dropped = this.#counter(
    "dropped_metrics_total",
    "Samples that were refused, by reason. The log shows one of them every ten seconds: mend its sender.",
    ["queueKey", "reason"],
  );
  readonly pending = this.#gauge(
    "redis_queue_pending_size",
    "List elements in the queue, and claimed but not applied yet; sampled each second. Growing for minutes means that senders are faster than the gateway: add workers.",
    ["queueKey"],
  );
  readonly emptyPops = this.#counter(
    "redis_queue_empty_pops_total",
    "Looks at the queue that found nothing. Rises while nothing is pushed; nothing to do.",
    ["queueKey"],
  );
  readonly connected = this.#gauge(
    "redis_connected",
    "1 while samples can be taken from Redis, 0 while they cannot: see the log for the reason.",
    ["queueKey"],
  );
  readonly reconnects = this.#counter(
    "redis_reconnects_total",
    "Connections to Redis that were made again after one was lost. Many of them point to the network or to Redis.",
    ["queueKey"],
  );
  readonly lost = this.#counter(
    "lost_samples_total",
    "List elements that were claimed and that Redis then no longer had, as after a restart without persistence. They are in no total.",
    ["queueKey"],
  );
  readonly uncertain = this.#counter(
    "uncertain_samples_total",
    "List elements that stood in a queue which had gone back to an older state, as after a failover to a replica that lagged: at most so many may be in the totals twice.",
    ["queueKey"],
  );
  readonly unconfirmed = this.#gauge(
    "redis_unconfirmed_samples",
    "List elements that were claimed and that no checkpoint has yet. They stay in Redis until then. Growing means that checkpoints fail: see the log.",
    ["queueKey"],
  );
  readonly ready = this.#gauge(
    "ready",
    "1 while this process takes samples and shows totals, as /-/ready says; 0 while it stands by or does not work: /-/ready has the reason.",
    ["gatewayId", "queueKey"],
  );
  readonly standby = this.#gauge(
    "standby",
    "1 while another process works under the same Gateway.Id and this one is fit to take over.",
    ["gatewayId", "queueKey"],
  );
  readonly isOwner = this.#gauge(
    "is_owner",
    "1 while this process has the lease of its Gateway.Id and works, 0 while it stands by or cannot reach Redis.",
  );
  readonly checkpoints = this.#counter(
    "checkpoints_total",
    "Checkpoints that were committed. Flat while samples are pushed means that the position does not move: see the log.",
    ["queueKey"],
  );
  readonly checkpointFailures = this.#counter(
    "checkpoint_failures_total",
    "Attempts at a checkpoint that failed. Nothing is lost by it: it is tried again until it works.",
    ["queueKey"],
  );
  readonly lastCheckpoint = this.#gauge(
    "last_checkpoint_timestamp_seconds",
    "When the last checkpoint was committed, in seconds since 1970; 0 before the first. It stands still while nothing is pushed.",
    ["queueKey"],
  );
  readonly checkpointSeconds = this.#histogram(
    "checkpoint_duration_seconds",
    "Time from the start of a checkpoint to the answer that it counts.",
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );
  readonly checkpointBytes = this.#histogram(
    "checkpoint_size_bytes",
    "What one checkpoint wrote: what had changed, or now and then the whole state.",
    [100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
  );
  readonly deadLetters = this.#counter(
    "dead_letters_total",
    "Dropped samples that were put onto the list of Redis.DeadLetterKey.",
    ["queueKey"],
  );
  readonly deadLettersDiscarded = this.#counter(
    "dead_letters_discarded_total",
    "Dropped samples that were not put onto that list because there were too many bytes at once.",
    ["queueKey"],
  );
  readonly otherLayouts = this.#counter(
    "layout_conflicts_total",
    "Families for which a sample brought other buckets or quantiles than the first one; the first stay. Make the senders agree.",
    ["queueKey"],
  );
  readonly series = this.#gauge(
    "series",
    "Series held now. Near Metrics.MaxSeries new series will be dropped: look for a label with too many values.",
  );
  readonly seriesLimit = this.#gauge(
    "series_limit",
    "Metrics.MaxSeries: how many series there may be; 0 means no limit.",
  );
  readonly ended = this.#counter(
    "ended_series_total",
    "Series that are gone because no sample came for them within their time (Metrics.SeriesTtlSeconds and the like).",
  );
  readonly limited = this.#counter(
    "limited_samples_total",
    "Samples that found no room for a series of their own, by family: dropped, or put into the family's overflow series. The family has a label with too many values, or the limit is too low. Families beyond the first 100 that this happens to share an empty name.",
    ["family"],
  );
  readonly sampleAge = this.#histogram(
    "sample_age_seconds",
    "Of samples with a timestamp: the time from there until they were claimed. Long ones: senders or the queue are slow, or clocks differ.",
    [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 3600],
  );
  readonly families = this.#gauge(
    "families",
    "Metric families held now, without the gateway's own.",
  );
  readonly oldestAge = this.#gauge(
    "oldest_sample_age_seconds",
    "At most how old the oldest sample is that was claimed and is not in the totals yet; 0 without any. Above a few seconds the gateway lags behind.",
    ["queueKey"],
  );
  readonly workerRestarts = this.#counter(
    "worker_restarts_total",
    "Workers that died and were started again; nothing is lost by it. Should stay 0: the log has the reason.",
    ["worker"],
  );
  readonly batchSeconds = this.#histogram(
    "batch_duration_seconds",
    "Time for one range of the queue, by stage: read from Redis, decode in the worker, apply on the main thread. The slowest stage is the bottleneck.",
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5],
    ["stage"],
  );
  readonly batchSize = this.#histogram(
    "batch_size_samples",
    "Samples in one range of the queue. Often at Redis.MetricQueuePopCount means a backlog.",
    [1, 10, 50, 100, 250, 500, 1000, 2500, 10000],
  );
  readonly scrapeSeconds = this.#histogram(
    "scrape_duration_seconds",
    "Time from a request for /metrics to the last byte handed to the connection. Must stay below Prometheus' scrape_timeout.",
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );
  readonly scrapeBytes = this.#histogram(
    "scrape_size_bytes",
    "Size of an answer to /metrics before it is compressed. Large ones: fewer series, or ?name[]= for a part of them.",
    [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
  );
  readonly scrapesRefused = this.#counter(
    "scrapes_refused_total",
    "Scrapes that were answered with 503 or broken off, by reason: in_flight, there were Web.MaxScrapesInFlight already; timeout, Web.ScrapeTimeoutSeconds or the scraper's own was over; stuck, it took nothing for 5 s while another wanted its place; not_ready, see /-/ready.",
    ["reason"],
  );
  readonly requestsRefused = this.#counter(
    "http_requests_refused_total",
    "HTTP requests that were refused, and connections of TLS, by reason: bad_request, not_found, method_not_allowed, body_too_large; cross_site, a page of another site sent it; admin_off; unauthorized, no login or a wrong one; too_many_failures, the client has guessed too often; logins_waiting, too many at once; rate_limit, that of Web.ConfigFile; connection_limit, a silent connection ended for a new one; client_certificate, none or a wrong one; tls_handshake, any other fault of it. Many of them: somebody looks around, or a client is set up wrongly. What is no HTTP/1.1 at all is closed before it could be counted.",
    ["reason"],
  );
  readonly webConfigSuccessful = this.#gauge(
    "web_config_last_reload_successful",
    "0 while Web.ConfigFile, what it names, or Web.BearerTokenFile is wrong, and what was read before counts: see the log. Otherwise 1.",
  );
  readonly #residentMemory = this.#gauge(
    "process_resident_memory_bytes",
    "Memory of the process that is in RAM. Grows with the number of series, not with the backlog.",
  );
  readonly #cpu = this.#counter(
    "process_cpu_seconds_total",
    "CPU time of the process, all threads, user and system.",
  );
  readonly #startTime = this.#gauge(
    "process_start_time_seconds",
    "When the process started, in seconds since 1970.",
  );
  readonly #eventLoopLag = this.#gauge(
    "event_loop_lag_seconds",
    "Longest delay of the main thread since the last scrape. Above 0.1 s scrapes are held up.",
  );
  /** Of TLS, if it is served. */
  #certificateExpiry: Gauge | undefined;
  /** Of the embedded queue, if there is one. */
  #intake: Intake | undefined;
  #intakeFigures: Figures | undefined;
  #cpuSeconds = 0;
  #lagMaxSeconds = 0;
  #discarded = 0;
  #limitedNames = new Set<string>();

  constructor(options: OwnMetricsOptions) {
    this.#options = options;
    const { gatewayId, queueKey, workers, seriesMax } = options;
    const info = new Gauge({
      name: `${PREFIX}info`,
      help: INFO_HELP,
      labelNames: ["version", "revision", "gatewayId", "queueKey"],
      registers: [this.#registry],
    });
    info.set({ version: VERSION, revision: REVISION, gatewayId, queueKey }, 1);
    this.#startTime.set(Math.round(STARTED_MS / 1000));
    // Shown from the start, so that a rate over them works from the first event on.
    const counters = [
      this.emptyPops,
      this.reconnects,
      this.lost,
      this.uncertain,
      this.otherLayouts,
    ];
    counters.push(this.checkpoints, this.checkpointFailures);
    counters.push(this.deadLetters, this.deadLettersDiscarded);
    for (const counter of counters) counter.inc({ queueKey }, 0);
    for (const reason of REFUSAL_REASONS) this.scrapesRefused.inc({ reason }, 0);
    for (let i = 0; i < workers; i++) this.workerRestarts.inc({ worker: String(i) }, 0);
    this.seriesLimit.set(seriesMax);
    for (const reason of REQUEST_REFUSAL_REASONS) this.requestsRefused.inc({ reason }, 0);
    this.webConfigSuccessful.set(1);
    this.lastCheckpoint.set({ queueKey }, 0);
    this.connected.set({ queueKey }, 0);
    this.pending.set({ queueKey }, 0);
    this.oldestAge.set({ queueKey }, 0);
  }

  get queueKey(): string {
    return this.#options.queueKey;
  }

  /** A family's name as a label, as long as there are not too many of them. */
  limitedName(family: string): string {
    if (this.#limitedNames.size < LIMITED_NAMES_MAX) this.#limitedNames.add(family);
    return this.#limitedNames.has(family) ? family : "";
  }

  /** Notes how late the main thread was. */
  noteEventLoopLag(seconds: number): void {
    this.#lagMaxSeconds = Math.max(this.#lagMaxSeconds, seconds);
  }

  /** Notes until when the certificate that is served is good, in ms since 1970. */
  noteCertificate(untilMs: number): void {
    this.#certificateExpiry ??= this.#gauge(
      "web_certificate_expiry_timestamp_seconds",
      "When the certificate of Web.ConfigFile ends, or one of those above it in its file, in seconds since 1970; without TLS there is none. Less than two weeks away: it is not renewed.",
    );
    this.#certificateExpiry.set(untilMs / 1000);
  }

  /** Notes what the ingestion holds now. */
  noteState(ingestion: Ingestion, nowMs: number): void {
    const { queueKey } = this;
    const { tenure } = ingestion;
    this.series.set(tenure?.registry.seriesCount ?? 0);
    this.families.set(tenure?.registry.familyCount ?? 0);
    this.unconfirmed.set({ queueKey }, tenure?.unconfirmed ?? 0);
    this.isOwner.set(ingestion.isOwner ? 1 : 0);
    const labels = { gatewayId: this.#options.gatewayId, queueKey };
    this.ready.set(labels, ingestion.notReadyReason === undefined ? 1 : 0);
    this.standby.set(labels, ingestion.isStandby ? 1 : 0);
    const ageMs = nowMs - (tenure?.oldestSinceMs ?? nowMs);
    this.oldestAge.set({ queueKey }, Math.max(0, ageMs) / 1000);
    const discarded = tenure?.deadLetters.discarded ?? 0;
    this.deadLettersDiscarded.inc({ queueKey }, Math.max(0, discarded - this.#discarded));
    this.#discarded = discarded;
  }

  /** Notes what the embedded queue's server has done, and the memory that it takes. */
  noteIntake(figures: Figures, usedBytes: number): void {
    this.#intake ??= {
      clients: this.#gauge(
        "embedded_clients",
        "Connections of senders to the embedded queue. Near 10,000 new ones are refused: do senders close theirs?",
      ),
      bufferBytes: this.#gauge(
        "embedded_buffer_bytes",
        "Memory of samples that wait in the embedded queue, and of requests that have come in part. When half of Embedded.MaxBufferBytes is in use senders wait.",
      ),
      requests: this.#counter(
        "embedded_requests_total",
        "Redis commands that the embedded queue has answered.",
      ),
      refused: this.#counter(
        "embedded_clients_refused_total",
        "Connections that were refused because there were 10,000 already. Should stay 0.",
      ),
      protocolErrors: this.#counter(
        "embedded_protocol_errors_total",
        "Connections that were closed because they sent something else than Redis commands: see the log.",
      ),
      loginsFailed: this.#counter(
        "embedded_logins_failed_total",
        "Logins with a wrong password. Rising: a sender has an old password, or somebody guesses.",
      ),
      pauses: this.#counter(
        "embedded_pauses_total",
        "Times that senders had to wait because the buffer was full; nothing is lost by it. Rising for minutes means that they are faster than the gateway.",
      ),
    };
    const { clients, bufferBytes, requests, refused, protocolErrors, loginsFailed, pauses } =
      this.#intake;
    clients.set(figures.clients);
    bufferBytes.set(usedBytes);
    const last = this.#intakeFigures;
    requests.inc(figures.requests - (last?.requests ?? 0));
    refused.inc(figures.clientsRefused - (last?.clientsRefused ?? 0));
    protocolErrors.inc(figures.protocolErrors - (last?.protocolErrors ?? 0));
    loginsFailed.inc(figures.loginsFailed - (last?.loginsFailed ?? 0));
    pauses.inc(figures.pauses - (last?.pauses ?? 0));
    this.#intakeFigures = { ...figures };
  }

  /** The families, in the order of their names. */
  async render(): Promise<PlainFamily[]> {
    this.#residentMemory.set(process.memoryUsage.rss());
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    this.#cpu.inc(Math.max(0, cpuSeconds - this.#cpuSeconds));
    this.#cpuSeconds = cpuSeconds;
    this.#eventLoopLag.set(this.#lagMaxSeconds);
    this.#lagMaxSeconds = 0;
    const metrics = await this.#registry.getMetricsAsJSON();
    return metrics
      .filter(({ name }) => !this.#options.isInfoOnly || name === `${PREFIX}info`)
      .map((metric) => plainFamilyOf(metric, STARTED_MS))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.#registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[] = []): Gauge<L> {
    return new Gauge({ name: PREFIX + name, help, labelNames, registers: [this.#registry] });
  }

  #histogram<L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: L[] = [],
  ): Histogram<L> {
    return new Histogram({
      name: PREFIX + name,
      help,
      buckets,
      labelNames,
      registers: [this.#registry],
    });
  }
}

interface Intake {
  clients: Gauge;
  bufferBytes: Gauge;
  requests: Counter;
  refused: Counter;
  protocolErrors: Counter;
  loginsFailed: Counter;
  pauses: Counter;
}

/** Whether a name is kept for the gateway's own families, shown or not. */
export function isOwnName(name: string): boolean {
  return name.startsWith(PREFIX);
}
