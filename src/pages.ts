import { REVISION, VERSION } from "./build-info.ts";
import type { Settings } from "./config/settings.ts";
import { renderExposition } from "./exposition/render.ts";
import type { Pages } from "./http/pages.ts";
import type { Ingestion } from "./ingest/ingestion.ts";
import type { RegistrySnapshot } from "./registry/snapshot.ts";
import type { RespServer } from "./resp/server.ts";
import type { OwnMetrics } from "./telemetry/own-metrics.ts";

export interface PagesOptions {
  settings: Settings;
  ingestion: Ingestion;
  own: OwnMetrics;
  /** Of an embedded queue. */
  intake: RespServer | undefined;
  nowMs: () => number;
}

/** How long a scrape waits while series are being ended, until that is certain. */
const REMOVAL_WAIT_MS = 2000;

/** What the server shows of the gateway. */
export function makePages({ settings, ingestion, own, intake, nowMs }: PagesOptions): Pages {
  const { metrics, web } = settings;
  const takeSnapshot = (
    isWanted?: (family: string) => boolean,
  ): { snapshot: RegistrySnapshot | undefined } | { refusal: string } => {
    const { shown, tenure } = ingestion;
    if (shown === "recovering") {
      return { refusal: ingestion.notReadyReason ?? "recovering: done, scrape again" };
    }
    const totals = shown === "totals" ? tenure?.registry : undefined;
    return { snapshot: totals?.snapshot(nowMs(), isWanted) };
  };
  const isValid = () => ingestion.shown === "totals";
  return {
    metrics: async (isWanted, format) => {
      own.noteState(ingestion, nowMs());
      if (intake !== undefined) own.noteIntake(intake.figures, intake.usedBytes);
      const families = await own.render();
      if (!(await ingestion.untilShowable(REMOVAL_WAIT_MS))) return { refusal: REMOVING };
      const taken = takeSnapshot(isWanted);
      if ("refusal" in taken) return taken;
      const { snapshot } = taken;
      const wanted = families.filter(({ name }) => isWanted(name));
      return {
        chunks: renderExposition(format, snapshot, wanted, metrics),
        isValid: () => snapshot === undefined || isValid(),
        end: () => snapshot?.release(),
      };
    },
    totals: async () => {
      if (!(await ingestion.untilShowable(REMOVAL_WAIT_MS))) return { refusal: REMOVING };
      const taken = takeSnapshot();
      if ("refusal" in taken) return taken;
      if (taken.snapshot !== undefined) return { snapshot: taken.snapshot, isValid };
      return { refusal: ingestion.notReadyReason ?? "not ready" };
    },
    status: () => statusOf(settings, ingestion),
    isAdminEnabled: web.isAdminEnabled,
    removeSeries: (isMeant) => ingestion.removeSeries(isMeant),
    notReadyReason: () => ingestion.notReadyReason,
    isStandby: () => ingestion.isStandby,
    isBusy: () => (ingestion.tenure?.plan.pending ?? 0) > 0,
    scraped: (seconds, bytes) => {
      own.scrapeSeconds.observe(seconds);
      own.scrapeBytes.observe(bytes);
    },
    refused: (reason) => own.scrapesRefused.inc({ reason }),
  };
}

const REMOVING = "series are being removed: scrape again";

function statusOf({ gateway, redis }: Settings, ingestion: Ingestion): object {
  const { tenure } = ingestion;
  return {
    version: VERSION,
    revision: REVISION,
    gatewayId: gateway.id,
    queueKey: redis.queueKey,
    ready: ingestion.notReadyReason === undefined,
    reason: ingestion.notReadyReason ?? null,
    standby: ingestion.isStandby,
    owner: ingestion.isOwner,
    families: tenure?.registry.familyCount ?? 0,
    series: tenure?.registry.seriesCount ?? 0,
    pendingElements: tenure?.plan.pending ?? 0,
    unconfirmedElements: tenure?.unconfirmed ?? 0,
  };
}
