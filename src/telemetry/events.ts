import type { AccessRefusalReason, RequestRefusalReason, WebListener } from "../http/pages.ts";
import type { IngestionListener } from "../ingest/listener.ts";
import type { Pace } from "../ingest/progress.ts";
import type { AppliedBatch } from "../ingest/tenure.ts";
import type { SavedCheckpoint } from "../queue/queue.ts";
import type { RegistryListener } from "../registry/options.ts";
import type { RespListener } from "../resp/server.ts";
import type { DropReason } from "../sample/drop-reason.ts";
import type { Drop } from "../sample/fold.ts";
import {
  EVENTS,
  type EventDeclaration,
  type EventName,
  type FieldsOf,
  type FieldValue,
} from "./event-list.ts";
import { LineLimit } from "./line-limit.ts";
import type { Log } from "./log.ts";
import type { OwnMetrics } from "./own-metrics.ts";
import { Tally } from "./tally.ts";

/**
 * What happens in the gateway: each event owns its log line and its counter, so neither is
 * forgotten. Named noun and past verb. What the lines say stands in `event-list.ts`.
 */
export class Events implements IngestionListener, RegistryListener, RespListener, WebListener {
  readonly tally = new Tally();
  #log: Log;
  #metrics: OwnMetrics;
  #nowMs: () => number;
  #queueRemedy: string;
  #limit: LineLimit;
  #isQueueUp: boolean | undefined;
  #hasBeenConnected = false;
  #isCheckpointFailing = false;
  /** Since the last line that said so. */
  #lostUnsaid = 0;
  #endedUnsaid = 0;
  #layoutsUnsaid = 0;
  #dropsUnsaid = new Map<DropReason, number>();
  #samplesApplied = 0;

  /** `queueRemedy`: what to do when the queue fails. */
  constructor(log: Log, metrics: OwnMetrics, queueRemedy: string, nowMs: () => number) {
    this.#queueRemedy = queueRemedy;
    this.#log = log;
    this.#metrics = metrics;
    this.#nowMs = nowMs;
    this.#limit = new LineLimit(nowMs);
  }

  gatewayStarted(fields: FieldsOf<"gateway_started">): void {
    this.#say("gateway_started", fields);
  }

  gatewayStopping(signal: string): void {
    this.#say("gateway_stopping", { signal });
  }

  gatewayStopped(seconds: number): void {
    const samples = this.#samplesApplied;
    this.#say("gateway_stopped", { seconds, samples });
  }

  queueConnected(): void {
    if (this.#hasBeenConnected) this.#metrics.reconnects.inc({ queueKey: this.#metrics.queueKey });
    this.#hasBeenConnected = true;
  }

  queueFailed(reason: string): void {
    this.#metrics.connected.set({ queueKey: this.#metrics.queueKey }, 0);
    const isNews = this.#isQueueUp !== false;
    this.#isQueueUp = false;
    this.#say("queue_failed", { reason, remedy: this.#queueRemedy }, isNews);
  }

  queueRecovered(): void {
    this.#metrics.connected.set({ queueKey: this.#metrics.queueKey }, 1);
    if (this.#isQueueUp === true) return;
    this.#isQueueUp = true;
    this.#say("queue_connected", { queueKey: this.#metrics.queueKey });
  }

  /** Of the files that hold what Redis is shown. */
  credentialsChanged(): void {
    this.#say("credentials_changed", {});
  }

  credentialsRefused(reason: string): void {
    this.#say("credentials_refused", { reason });
  }

  stoodBy(holder: string): void {
    this.#say("gateway_standing_by", { holder });
  }

  acquired(checkpoint: SavedCheckpoint, segments: number, elements: number): void {
    const { number, entries } = checkpoint;
    const fields = { checkpoint: number, entries, segments, elements };
    this.#say("lease_acquired", fields);
  }

  restoring(entriesLeft: number, pace: Pace): void {
    const { perSecond, secondsLeft } = rounded(pace);
    const fields = { entriesLeft, entriesPerSecond: perSecond, secondsLeft };
    this.#say("checkpoint_loading", fields);
  }

  recovering(elementsLeft: number, pace: Pace): void {
    const { perSecond, secondsLeft } = rounded(pace);
    const fields = { elementsLeft, elementsPerSecond: perSecond, secondsLeft };
    this.#say("gateway_recovering", fields);
  }

  recovered(series: number, seconds: number): void {
    const fields = { series, seconds: Math.round(seconds * 1000) / 1000 };
    this.#say("gateway_recovered", fields);
  }

  superseded(holder: string): void {
    this.#say("gateway_superseded", { holder });
  }

  stateLost(reason: string): void {
    this.#say("queue_state_lost", { reason });
  }

  claimsUndone(elements: number): void {
    this.#metrics.uncertain.inc({ queueKey: this.#metrics.queueKey }, elements);
    this.#say("claims_undone", { elements });
  }

  checkpointed(bytes: number, isWhole: boolean, deadLetters: number, seconds: number): void {
    const { queueKey } = this.#metrics;
    this.#metrics.checkpoints.inc({ queueKey });
    this.#metrics.checkpointSeconds.observe(seconds);
    this.#metrics.checkpointBytes.observe(bytes);
    this.tally.checkpoint = { atMs: this.#nowMs(), bytes, seconds };
    this.#metrics.lastCheckpoint.set({ queueKey }, this.#nowMs() / 1000);
    this.#metrics.deadLetters.inc({ queueKey }, deadLetters);
    this.#isCheckpointFailing = false;
    const fields = { bytes, isWhole, deadLetters, seconds: Math.round(seconds * 1e6) / 1e6 };
    this.#say("checkpoint_committed", fields);
  }

  checkpointFailed(reason: string): void {
    this.#metrics.checkpointFailures.inc({ queueKey: this.#metrics.queueKey });
    this.tally.checkpointFailures++;
    const isNews = !this.#isCheckpointFailing;
    this.#isCheckpointFailing = true;
    this.#say("checkpoint_failed", { reason }, isNews);
  }

  checkpointRefused(reason: string): void {
    this.#say("checkpoint_refused", { reason });
  }

  checkpointSetAside(reason: string, aside: string): void {
    this.#say("checkpoint_set_aside", { reason, aside });
  }

  /** The program ended while it wrote: `bytes` at the end of the state file do not count. */
  checkpointTorn(bytes: number): void {
    this.#say("checkpoint_torn", { bytes });
  }

  samplesAbandoned(elements: number): void {
    this.#metrics.lost.inc({ queueKey: this.#metrics.queueKey }, elements);
    this.tally.lost += elements;
    this.#say("samples_abandoned", { elements });
  }

  clientRefused(clientsMax: number): void {
    this.#say("client_refused", { clientsMax });
  }

  clientClosed(address: string, reason: string): void {
    this.#say("client_closed", { address, reason });
  }

  sendersPaused(usedBytes: number): void {
    this.#say("senders_paused", { usedBytes });
  }

  requestRefused(reason: RequestRefusalReason): void {
    this.#metrics.requestsRefused.inc({ reason });
  }

  requestFailed(path: string, reason: string): void {
    this.#say("request_failed", { path, reason });
  }

  accessRefused(reason: AccessRefusalReason, address: string): void {
    this.#metrics.requestsRefused.inc({ reason });
    this.#say("request_refused", { reason, address });
  }

  handshakeFailed(address: string, reason: string): void {
    this.#metrics.requestsRefused.inc({ reason: "tls_handshake" });
    this.#say("handshake_failed", { address, reason });
  }

  certificateRefused(address: string, reason: string): void {
    this.#metrics.requestsRefused.inc({ reason: "client_certificate" });
    this.#say("certificate_refused", { address, reason });
  }

  certificateServed(untilMs: number): void {
    this.#metrics.noteCertificate(untilMs);
  }

  webConfigReloaded(certificateUntilMs: number | undefined): void {
    this.#metrics.webConfigSuccessful.set(1);
    const certificateUntil =
      certificateUntilMs === undefined ? undefined : new Date(certificateUntilMs).toISOString();
    this.#say("web_config_reloaded", { certificateUntil });
  }

  webConfigRefused(fault: string): void {
    this.#metrics.webConfigSuccessful.set(0);
    this.#say("web_config_refused", { fault });
  }

  emptyClaim(): void {
    this.#metrics.emptyPops.inc({ queueKey: this.#metrics.queueKey });
  }

  seriesEnded(count: number): void {
    this.#metrics.ended.inc(count);
    this.#endedUnsaid += count;
    if (this.#say("series_ended", { count: this.#endedUnsaid })) this.#endedUnsaid = 0;
  }

  seriesLimited(family: string): void {
    this.#metrics.limited.inc({ family: this.#metrics.limitedName(family) });
    this.#say("series_limited", { family });
  }

  applied(applied: AppliedBatch, seconds: number): void {
    const { worker, batch, samples, drops, ages } = applied;
    const { queueKey } = this.#metrics;
    this.tally.applied(applied, this.#nowMs());
    this.#metrics.processed.inc({ worker: String(worker), queueKey }, samples);
    this.#samplesApplied += samples;
    this.#metrics.batchSize.observe(samples);
    this.#metrics.batchSeconds.observe({ stage: "read" }, batch.readSeconds);
    this.#metrics.batchSeconds.observe({ stage: "decode" }, batch.decodeSeconds);
    this.#metrics.batchSeconds.observe({ stage: "apply" }, seconds);
    for (const age of ages) this.#metrics.sampleAge.observe(age);
    for (const drop of drops) this.#samplesDropped(drop);
    if (batch.lost > 0) this.#samplesLost(batch.lost);
  }

  rangeReadFailed(worker: number, reason: string): void {
    this.#say("range_read_failed", { worker, reason });
  }

  workerDied(worker: number, reason: string): void {
    this.#metrics.workerRestarts.inc({ worker: String(worker) });
    this.tally.workerDied(worker);
    this.#say("worker_died", { worker, reason });
  }

  otherLayoutMet(family: string): void {
    this.#metrics.otherLayouts.inc({ queueKey: this.#metrics.queueKey });
    const families = ++this.#layoutsUnsaid;
    if (this.#say("other_layout_met", { family, families })) this.#layoutsUnsaid = 0;
  }

  #samplesLost(elements: number): void {
    this.#metrics.lost.inc({ queueKey: this.#metrics.queueKey }, elements);
    this.#lostUnsaid += elements;
    if (this.#say("samples_lost", { elements: this.#lostUnsaid })) this.#lostUnsaid = 0;
  }

  #samplesDropped({ reason, count, payload }: Drop): void {
    this.#metrics.dropped.inc({ queueKey: this.#metrics.queueKey, reason }, count);
    const total = (this.#dropsUnsaid.get(reason) ?? 0) + count;
    const isSaid = this.#say("samples_dropped", { reason, count: total, payload });
    this.#dropsUnsaid.set(reason, isSaid ? 0 : total);
  }

  /**
   * Writes the event, unless it was said just now; `isNews`: even then. No event floods the log.
   * Returns whether it is said.
   */
  #say<N extends EventName>(event: N, fields: FieldsOf<N>, isNews = false): boolean {
    const { oncePer }: EventDeclaration = EVENTS[event];
    const values: Record<string, FieldValue> = fields;
    const what = oncePer && `${oncePer} ${values[oncePer]}`;
    const suppressed = this.#limit.take(event, what, isNews);
    if (suppressed === undefined) return false;
    this.#log.write(event, fields, suppressed);
    return true;
  }
}

function rounded({ perSecond, secondsLeft }: Pace): Pace {
  return {
    perSecond: Math.round(perSecond),
    secondsLeft: secondsLeft && Math.ceil(secondsLeft),
  };
}
