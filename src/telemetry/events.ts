import type { IngestionListener } from "../ingest/listener.ts";
import type { AppliedBatch } from "../ingest/tenure.ts";
import type { SavedCheckpoint } from "../queue/queue.ts";
import type { RegistryListener } from "../registry/options.ts";
import type { RespListener } from "../resp/server.ts";
import type { DropReason } from "../sample/drop-reason.ts";
import type { Drop } from "../sample/fold.ts";
import type { Log, LogFields } from "./log.ts";
import type { OwnMetrics } from "./own-metrics.ts";

/** The same trouble is logged at most this often. */
const REPEAT_MS = 10_000;

/**
 * What happens in the gateway: each event owns its log line and its counter, so neither is
 * forgotten. Named noun and past verb.
 */
export class Events implements IngestionListener, RegistryListener, RespListener {
  #log: Log;
  #metrics: OwnMetrics;
  #nowMs: () => number;
  #queueRemedy: string;
  #loggedMs = new Map<string, number>();
  #swallowed = new Map<DropReason, number>();
  #isQueueUp: boolean | undefined;
  #hasBeenConnected = false;
  #isCheckpointFailing = false;
  /** Lost since the last line that said so. */
  #lostUnsaid = 0;
  #samplesApplied = 0;

  /** `queueRemedy`: what to do when the queue fails. */
  constructor(log: Log, metrics: OwnMetrics, queueRemedy: string, nowMs: () => number) {
    this.#queueRemedy = queueRemedy;
    this.#log = log;
    this.#metrics = metrics;
    this.#nowMs = nowMs;
  }

  gatewayStarted(fields: LogFields): void {
    this.#log.write("information", "main", "gateway_started", fields);
  }

  gatewayStopping(signal: string): void {
    this.#log.write("information", "main", "gateway_stopping", { signal });
  }

  gatewayStopped(seconds: number): void {
    const samples = this.#samplesApplied;
    this.#log.write("information", "main", "gateway_stopped", { seconds, samples });
  }

  queueConnected(): void {
    if (this.#hasBeenConnected) this.#metrics.reconnects.inc({ queueKey: this.#metrics.queueKey });
    this.#hasBeenConnected = true;
  }

  queueFailed(reason: string): void {
    this.#metrics.connected.set({ queueKey: this.#metrics.queueKey }, 0);
    const isNew = this.#isQueueUp !== false;
    this.#isQueueUp = false;
    if (!isNew && !this.#isDue(`queue_failed ${reason}`)) return;
    if (isNew) this.#isDue(`queue_failed ${reason}`);
    this.#log.write("error", "queue", "queue_failed", {
      reason,
      remedy: this.#queueRemedy,
    });
  }

  queueRecovered(): void {
    this.#metrics.connected.set({ queueKey: this.#metrics.queueKey }, 1);
    if (this.#isQueueUp === true) return;
    this.#isQueueUp = true;
    this.#loggedMs.clear();
    this.#log.write("information", "queue", "queue_connected", {
      queueKey: this.#metrics.queueKey,
    });
  }

  stoodBy(holder: string): void {
    this.#log.write("information", "queue", "gateway_standing_by", { holder });
  }

  acquired(checkpoint: SavedCheckpoint, segments: number, elements: number): void {
    const { number, entries } = checkpoint;
    const fields = { checkpoint: number, entries, segments, elements };
    this.#log.write("information", "queue", "lease_acquired", fields);
  }

  recovered(series: number, seconds: number): void {
    const fields = { series, seconds: Math.round(seconds * 1000) / 1000 };
    this.#log.write("information", "queue", "gateway_recovered", fields);
  }

  superseded(holder: string): void {
    this.#log.write("error", "queue", "gateway_superseded", {
      holder,
      remedy: "it took over because this process was stalled or cut off; this one stands by now",
    });
  }

  stateLost(reason: string): void {
    if (!this.#isDue("queue_state_lost")) return;
    this.#log.write("error", "queue", "queue_state_lost", {
      reason,
      remedy: "Redis has lost data; totals are written back, what was claimed and not read is lost",
    });
  }

  claimsUndone(elements: number): void {
    this.#metrics.uncertain.inc({ queueKey: this.#metrics.queueKey }, elements);
    this.#log.write("error", "queue", "claims_undone", {
      elements,
      remedy: "Redis went back to an older state: so many elements may be counted twice at most",
    });
  }

  checkpointed(bytes: number, isWhole: boolean, deadLetters: number, seconds: number): void {
    const { queueKey } = this.#metrics;
    this.#metrics.checkpoints.inc({ queueKey });
    this.#metrics.checkpointSeconds.observe(seconds);
    this.#metrics.checkpointBytes.observe(bytes);
    this.#metrics.lastCheckpoint.set({ queueKey }, this.#nowMs() / 1000);
    this.#metrics.deadLetters.inc({ queueKey }, deadLetters);
    this.#isCheckpointFailing = false;
    const fields = { bytes, isWhole, deadLetters, seconds: Math.round(seconds * 1e6) / 1e6 };
    this.#log.write("debug", "queue", "checkpoint_committed", fields);
  }

  checkpointFailed(reason: string): void {
    this.#metrics.checkpointFailures.inc({ queueKey: this.#metrics.queueKey });
    if (this.#isCheckpointFailing && !this.#isDue("checkpoint_failed")) return;
    if (!this.#isCheckpointFailing) this.#isDue("checkpoint_failed");
    this.#isCheckpointFailing = true;
    this.#log.write("warning", "queue", "checkpoint_failed", {
      reason,
      remedy: "nothing is lost; it is tried again until it works",
    });
  }

  checkpointRefused(reason: string): void {
    if (!this.#isDue("checkpoint_refused")) return;
    this.#log.write("error", "queue", "checkpoint_refused", {
      reason,
      remedy:
        "run the version that wrote it, or set another Gateway.Id; the state was left as it is",
    });
  }

  checkpointSetAside(reason: string, aside: string): void {
    this.#log.write("error", "queue", "checkpoint_set_aside", {
      reason,
      aside,
      remedy: "totals begin at zero; keep the file if it is to be looked into, else delete it",
    });
  }

  /** The program ended while it wrote: `bytes` at the end of the state file do not count. */
  checkpointTorn(bytes: number): void {
    this.#log.write("warning", "queue", "checkpoint_torn", {
      bytes,
      remedy: "none is needed: the last whole checkpoint counts, what came after it is lost",
    });
  }

  samplesAbandoned(elements: number): void {
    this.#metrics.lost.inc({ queueKey: this.#metrics.queueKey }, elements);
    this.#log.write("error", "queue", "samples_abandoned", {
      elements,
      remedy: "there was no time to apply them before the stop; a smaller Embedded.MaxBufferBytes",
    });
  }

  clientRefused(clientsMax: number): void {
    if (!this.#isDue("client_refused")) return;
    this.#log.write("warning", "resp", "client_refused", {
      clientsMax,
      remedy: "so many clients are connected already; do senders close their connections?",
    });
  }

  clientClosed(address: string, reason: string): void {
    if (!this.#isDue("client_closed")) return;
    this.#log.write("warning", "resp", "client_closed", {
      address,
      reason,
      remedy: "it sent something else than Redis commands; others are not touched",
    });
  }

  sendersPaused(usedBytes: number): void {
    if (!this.#isDue("senders_paused")) return;
    this.#log.write("warning", "resp", "senders_paused", {
      usedBytes,
      remedy: "they are faster than the gateway and wait; nothing is lost",
    });
  }

  emptyClaim(): void {
    this.#metrics.emptyPops.inc({ queueKey: this.#metrics.queueKey });
  }

  seriesEnded(count: number): void {
    this.#metrics.ended.inc(count);
    this.#log.write("debug", "sample", "series_ended", { count });
  }

  seriesLimited(family: string): void {
    this.#metrics.limited.inc({ family: this.#metrics.limitedName(family) });
    if (!this.#isDue("series_limited")) return;
    this.#log.write("warning", "sample", "series_limited", {
      family,
      remedy: "a label has too many values, or Metrics.MaxSeries or MaxSeriesPerFamily is too low",
    });
  }

  applied({ worker, batch, samples, drops, ages }: AppliedBatch, seconds: number): void {
    const { queueKey } = this.#metrics;
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
    if (!this.#isDue(`range_read_failed ${reason}`)) return;
    this.#log.write("warning", "worker", "range_read_failed", { worker, reason });
  }

  workerDied(worker: number, reason: string): void {
    this.#metrics.workerRestarts.inc({ worker: String(worker) });
    this.#log.write("error", "worker", "worker_died", { worker, reason });
  }

  otherLayoutMet(family: string): void {
    this.#metrics.otherLayouts.inc({ queueKey: this.#metrics.queueKey });
    this.#log.write("warning", "sample", "other_layout_met", {
      family,
      remedy: "the first buckets or quantiles of a family stay; make the senders agree",
    });
  }

  #samplesLost(elements: number): void {
    this.#metrics.lost.inc({ queueKey: this.#metrics.queueKey }, elements);
    this.#lostUnsaid += elements;
    if (!this.#isDue("samples_lost")) return;
    this.#log.write("error", "queue", "samples_lost", {
      elements: this.#lostUnsaid,
      remedy: "Redis no longer has what was claimed: see its persistence, eviction and failovers",
    });
    this.#lostUnsaid = 0;
  }

  #samplesDropped({ reason, count, payload }: Drop): void {
    this.#metrics.dropped.inc({ queueKey: this.#metrics.queueKey, reason }, count);
    const total = (this.#swallowed.get(reason) ?? 0) + count;
    if (!this.#isDue(`samples_dropped ${reason}`)) {
      this.#swallowed.set(reason, total);
      return;
    }
    this.#swallowed.delete(reason);
    this.#log.write("warning", "sample", "samples_dropped", { reason, count: total, payload });
  }

  #isDue(what: string): boolean {
    const now = this.#nowMs();
    const last = this.#loggedMs.get(what);
    if (last !== undefined && now - last < REPEAT_MS) return false;
    this.#loggedMs.set(what, now);
    return true;
  }
}
