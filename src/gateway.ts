import type { EffectiveSetting } from "./config/load.ts";
import type { Settings } from "./config/settings.ts";
import { serve } from "./http/server.ts";
import { Ingestion } from "./ingest/ingestion.ts";
import { WorkerPool } from "./ingest/worker-pool.ts";
import { makePages } from "./pages.ts";
import { EmbeddedQueue } from "./queue/embedded-queue.ts";
import { EmbeddedStore } from "./queue/embedded-store.ts";
import type { Queue } from "./queue/queue.ts";
import { RedisQueue } from "./queue/redis-queue.ts";
import { StateFile } from "./queue/state-file.ts";
import { Registry } from "./registry/registry.ts";
import { RespServer } from "./resp/server.ts";
import { compileFamilies, familyLimitsOf } from "./sample/family-defaults.ts";
import { startSampling } from "./sampling.ts";
import { Events } from "./telemetry/events.ts";
import { History } from "./telemetry/history.ts";
import { Log } from "./telemetry/log.ts";
import { isOwnName, OwnMetrics } from "./telemetry/own-metrics.ts";

/** A gateway at work. */
export interface Gateway {
  /** Where it serves. */
  url: URL;
  /** The port where senders push, if the queue is in this process. */
  embeddedPort: number | undefined;
  events: Events;
  /** Applies what is claimed, answers the scrapes in progress, and ends everything. */
  stop(): Promise<void>;
}

const STOP_INGESTION_MS = 1500;
/** Where samples would be lost with the process, they have more time. */
const STOP_EMBEDDED_MS = 3000;
const STOP_SERVER_MS = 1000;

/**
 * Puts the parts together and starts them. `workerUrl` is the worker's entry point, `effective` the
 * same settings as they may be shown. Fails when an address cannot be listened on; Redis being away is no failure.
 */
export function startGateway(
  settings: Settings,
  workerUrl: URL,
  effective: readonly EffectiveSetting[] = [],
): Gateway {
  const nowMs = Date.now;
  const { redis, metrics, embedded } = settings;
  const log = new Log({
    ...settings.logging,
    isTerminal: process.stdout.isTTY === true,
    write: (line) => process.stdout.write(line),
  });
  const own = new OwnMetrics({
    gatewayId: settings.gateway.id,
    queueKey: redis.queueKey,
    workers: redis.workers,
    seriesMax: metrics.maxSeries,
    isInfoOnly: metrics.disableMetaMetrics,
  });
  const remedy = embedded.listen
    ? "check Embedded.StateFile and its folder; retrying until it works"
    : "check Redis.ConnectionString and Redis itself; retrying until it works";
  const events = new Events(log, own, remedy, nowMs);
  const isCheckpointed = settings.checkpoint.isEnabled && keepsState(settings);
  const { queue, intake } = openQueue(settings, events);
  const shaping = { relabel: settings.relabel, families: settings.families };
  const deadLetterMax = redis.deadLetters.key === "" ? 0 : redis.deadLetters.max;
  const ingestion = new Ingestion({
    queue,
    makeRegistry: registryMaker(settings, isCheckpointed, events),
    listener: events,
    popCount: redis.popCount,
    workers: redis.workers,
    leaseMs: settings.gateway.leaseMs,
    checkpoint: { ...settings.checkpoint, isEnabled: isCheckpointed },
    deadLetterMax,
    maxAgeMs: metrics.maxSampleAgeSeconds * 1000,
    nowMs,
  });
  const telemetry = { own, tally: events.tally, history: new History() };
  const sources = { settings, isCheckpointed, queue, intake, ingestion, ...telemetry, nowMs };
  const server = serve(settings.web, makePages({ ...sources, effective }), events);
  ingestion.start(
    (batch) =>
      new WorkerPool({
        url: workerUrl,
        count: redis.workers,
        start: (name) => {
          const source = queue.rangeSource;
          return { kind: "start", name, source, limits: metrics, shaping, deadLetterMax };
        },
        listener: {
          batch,
          readFailed: (worker, reason) => events.rangeReadFailed(worker, reason),
          died: (worker, reason) => events.workerDied(worker, reason),
        },
      }),
  );
  const sampling = startSampling(sources);
  return {
    url: server.url,
    embeddedPort: intake?.port,
    events,
    stop: async () => {
      clearInterval(sampling);
      intake?.stop();
      await ingestion.stop(intake === undefined ? STOP_INGESTION_MS : STOP_EMBEDDED_MS);
      queue.close();
      // Idle keep-alive connections must not keep us waiting.
      await Promise.race([server.stop(), Bun.sleep(STOP_SERVER_MS)]);
      await server.stop(true);
    },
  };
}

function registryMaker(
  { metrics, families }: Settings,
  isJournaled: boolean,
  events: Events,
): () => Registry {
  const compiled = compileFamilies(families);
  return () =>
    new Registry({
      ...metrics,
      isJournaled,
      families: {
        limitsOf: (name) => familyLimitsOf(compiled, name),
        hasLifetimes: families.some(({ ttlSeconds }) => ttlSeconds !== undefined),
      },
      isReservedName: isOwnName,
      listener: events,
    });
}

/** The queue in Redis, or the one in this process with the server that takes what is pushed. */
function openQueue(
  { redis, gateway, embedded }: Settings,
  events: Events,
): { queue: Queue; intake: RespServer | undefined } {
  if (embedded.listen === undefined) {
    const queue = new RedisQueue({
      target: { ...redis, gatewayId: gateway.id },
      leaseMs: gateway.leaseMs,
      deadLetters: redis.deadLetters.key === "" ? undefined : redis.deadLetters,
      listener: {
        connected: () => events.queueConnected(),
        failed: () => {}, // The calls that fail say why.
        credentialsChanged: () => events.credentialsChanged(),
        credentialsRefused: (reason) => events.credentialsRefused(reason),
      },
    });
    return { queue, intake: undefined };
  }
  const { stateFile, listen } = embedded;
  const store = new EmbeddedStore();
  const file = stateFile === "" ? undefined : new StateFile(stateFile, events);
  const { queueKey, database } = redis;
  const intake = new RespServer({
    ...embedded,
    listen,
    store,
    queueKey,
    database,
    listener: events,
  });
  return { queue: new EmbeddedQueue(store, file), intake };
}

function keepsState({ embedded }: Settings): boolean {
  return embedded.listen === undefined || embedded.stateFile !== "";
}
