import type { Settings } from "./config/settings.ts";
import { renderText } from "./exposition/text.ts";
import { serve } from "./http/server.ts";
import { Ingestion } from "./ingest/ingestion.ts";
import { WorkerPool } from "./ingest/worker-pool.ts";
import type { RedisTarget } from "./queue/redis-connection.ts";
import { RedisQueue } from "./queue/redis-queue.ts";
import { Registry } from "./registry/registry.ts";
import { Events } from "./telemetry/events.ts";
import { Log } from "./telemetry/log.ts";
import { isOwnName, OwnMetrics } from "./telemetry/own-metrics.ts";

/** A gateway at work. */
export interface Gateway {
  /** Where it serves. */
  url: URL;
  events: Events;
  /** Applies what is claimed, answers the scrapes in progress, and ends everything. */
  stop(): Promise<void>;
}

const SAMPLE_INTERVAL_MS = 1000;
const STOP_INGESTION_MS = 1500;
const STOP_SERVER_MS = 1000;

/**
 * Puts the parts together and starts them. `workerUrl` is the worker's entry point.
 * Fails when the address cannot be listened on; Redis being away is no failure.
 */
export function startGateway(settings: Settings, workerUrl: URL): Gateway {
  const nowMs = Date.now;
  const { redis, metrics } = settings;
  const log = new Log(settings.logging.defaultLevel, settings.logging.levels);
  const own = new OwnMetrics(redis.queueKey, metrics.disableMetaMetrics);
  const events = new Events(log, own, nowMs);
  const makeRegistry = () =>
    new Registry({
      sortLabels: metrics.sortIncomingLabels,
      maxSeries: metrics.maxSeries,
      isReservedName: isOwnName,
      onOtherLayout: (family) => events.otherLayoutMet(family),
    });
  const target: RedisTarget = {
    connection: redis.connection,
    database: redis.database,
    queueKey: redis.queueKey,
    gatewayId: settings.gateway.id,
  };
  const queue = new RedisQueue({
    target,
    leaseMs: settings.gateway.leaseMs,
    deadLetters: redis.deadLetters.key === "" ? undefined : redis.deadLetters,
    listener: {
      connected: () => events.queueConnected(),
      failed: () => {}, // The calls that fail say why.
    },
  });
  const deadLetterMax = redis.deadLetters.key === "" ? 0 : redis.deadLetters.max;
  const ingestion = new Ingestion({
    queue,
    makeRegistry,
    listener: events,
    popCount: redis.popCount,
    workers: redis.workers,
    leaseMs: settings.gateway.leaseMs,
    checkpoint: settings.checkpoint,
    deadLetterMax,
    nowMs,
  });
  const server = serve(settings.web.listen, {
    metrics: async (isWanted) => {
      own.noteState(ingestion, nowMs());
      const families = await own.render();
      const { shown, tenure } = ingestion;
      if (shown === "recovering") {
        return { refusal: ingestion.notReadyReason ?? "recovering: done, scrape again" };
      }
      const totals = shown === "totals" ? tenure?.registry : undefined;
      const snapshot = totals?.snapshot(nowMs(), isWanted);
      const wanted = families.filter(({ name }) => isWanted(name));
      return {
        chunks: renderText(snapshot, wanted),
        isValid: () => snapshot === undefined || ingestion.shown === "totals",
        end: () => snapshot?.release(),
      };
    },
    notReadyReason: () => ingestion.notReadyReason,
    isBusy: () => (ingestion.tenure?.plan.pending ?? 0) > 0,
    scraped: (seconds, bytes) => {
      own.scrapeSeconds.observe(seconds);
      own.scrapeBytes.observe(bytes);
    },
  });
  ingestion.start(
    (batch) =>
      new WorkerPool({
        url: workerUrl,
        count: redis.workers,
        start: (name) => ({ kind: "start", name, target, limits: metrics, deadLetterMax }),
        listener: {
          batch,
          readFailed: (worker, reason) => events.rangeReadFailed(worker, reason),
          died: (worker, reason) => events.workerDied(worker, reason),
        },
      }),
  );
  const sampling = startSampling(own, queue, ingestion);
  return {
    url: server.url,
    events,
    stop: async () => {
      clearInterval(sampling);
      await ingestion.stop(STOP_INGESTION_MS);
      queue.close();
      // Idle keep-alive connections must not keep us waiting.
      await Promise.race([server.stop(), Bun.sleep(STOP_SERVER_MS)]);
      await server.stop(true);
    },
  };
}

/** Each second: how much is pending, and how late the timer itself is. */
function startSampling(own: OwnMetrics, queue: RedisQueue, ingestion: Ingestion): Timer {
  const { queueKey } = own;
  let dueAt = performance.now() + SAMPLE_INTERVAL_MS;
  return setInterval(async () => {
    const now = performance.now();
    own.noteEventLoopLag(Math.max(0, (now - dueAt) / 1000));
    dueAt = now + SAMPLE_INTERVAL_MS;
    const claimed = ingestion.tenure?.plan.pending ?? 0;
    try {
      own.pending.set({ queueKey }, (await queue.length()) + claimed);
    } catch {
      // Redis is away, which the claims report; what is claimed is known still.
      own.pending.set({ queueKey }, claimed);
    }
  }, SAMPLE_INTERVAL_MS);
}
