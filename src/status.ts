import { hostname } from "node:os";
import { REVISION, VERSION } from "./build-info.ts";
import type { Settings } from "./config/settings.ts";
import type { DropEntry, QueueStatus, RedisStatus, Status } from "./http/status-types.ts";
import type { Ingestion } from "./ingest/ingestion.ts";
import type { Queue, QueueFacts, ServerFacts } from "./queue/queue.ts";
import type { RespServer } from "./resp/server.ts";
import { DROP_ADVICE } from "./sample/drop-advice.ts";
import { measure } from "./sampling.ts";
import type { History } from "./telemetry/history.ts";
import { STARTED_MS } from "./telemetry/own-metrics.ts";
import type { Tally } from "./telemetry/tally.ts";

export interface StatusSources {
  settings: Settings;
  /** Whether totals outlive the process. */
  isCheckpointed: boolean;
  queue: Queue;
  ingestion: Ingestion;
  /** Of an embedded queue. */
  intake: RespServer | undefined;
  tally: Tally;
  history: History;
  nowMs: () => number;
}

/** What the gateway is and does. Nothing of it waits for samples or holds them up. */
export async function statusOf(sources: StatusSources): Promise<Status> {
  const { settings, ingestion, queue, tally, history, nowMs } = sources;
  const facts = await queue.facts();
  const { tenure } = ingestion;
  const measured = measure(sources, history.backlog, nowMs());
  const { user, system } = process.cpuUsage();
  return {
    version: VERSION,
    revision: REVISION,
    startedAtMs: STARTED_MS,
    nowMs: nowMs(),
    gatewayId: settings.gateway.id,
    queueKey: settings.redis.queueKey,
    ready: ingestion.notReadyReason === undefined,
    reason: ingestion.notReadyReason ?? null,
    standby: ingestion.isStandby,
    owner: ingestion.isOwner,
    families: tenure?.registry.familyCount ?? 0,
    series: measured.series,
    seriesMax: settings.metrics.maxSeries,
    pendingElements: tenure?.plan.pending ?? 0,
    unconfirmedElements: tenure?.unconfirmed ?? 0,
    headline: history.headline(performance.now(), measured),
    samplesTotal: tally.samples,
    droppedTotal: tally.dropped,
    lostTotal: tally.lost,
    queue: queueStatusOf(sources, facts),
    workers: ingestion.outstandingRanges.map((outstandingRanges, worker) => ({
      ...{ worker, outstandingRanges, ...tally.workerAt(worker) },
    })),
    memoryBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    isAdminEnabled: settings.web.isAdminEnabled,
  };
}

/** Most frequent first. */
export function dropsOf(tally: Tally): DropEntry[] {
  return tally.drops.map(({ reason, count, payloads }) => {
    return { reason, count, advice: DROP_ADVICE[reason], payloads };
  });
}

function queueStatusOf(sources: StatusSources, { leaseLeftMs, server }: QueueFacts): QueueStatus {
  const { settings, isCheckpointed, ingestion, intake, tally } = sources;
  const { tenure } = ingestion;
  const { checkpoint, checkpointFailures } = tally;
  const number = tenure?.checkpointer.number;
  return {
    kind: intake === undefined ? "redis" : "embedded",
    holder: ingestion.isOwner ? OWN_NAME : (ingestion.holder ?? null),
    leaseMs: settings.gateway.leaseMs,
    leaseLeftMs: leaseLeftMs ?? null,
    segments: tenure?.segmentCount ?? 0,
    position: tenure?.plan.position ?? null,
    lastCheckpoint:
      isCheckpointed && checkpoint && number !== undefined ? { number, ...checkpoint } : null,
    checkpointFailures,
    redis: server === undefined ? null : redisStatusOf(server),
    embedded: intake === undefined ? null : embeddedStatusOf(settings, intake),
  };
}

/** As others name us that stand by. */
const OWN_NAME = `process ${process.pid} on ${hostname()}`;

function redisStatusOf(server: ServerFacts): RedisStatus {
  return {
    address: server.address,
    version: server.version ?? null,
    latencyMs: server.latencyMs ?? null,
    usedMemoryBytes: server.usedMemoryBytes ?? null,
    maxMemoryBytes: server.maxMemoryBytes ?? null,
  };
}

function embeddedStatusOf(
  { embedded }: Settings,
  { port, figures, usedBytes }: RespServer,
): QueueStatus["embedded"] {
  return {
    address: `${embedded.listen?.hostname ?? ""}:${port}`,
    clients: figures.clients,
    bufferBytes: usedBytes,
    bufferBytesMax: embedded.bufferBytesMax,
  };
}
