import type { EffectiveSetting } from "./config/load.ts";
import { renderExposition } from "./exposition/render.ts";
import type { Pages } from "./http/pages.ts";
import type { Registry } from "./registry/registry.ts";
import { dropsOf, type StatusSources, statusOf } from "./status.ts";
import type { OwnMetrics } from "./telemetry/own-metrics.ts";

export interface PagesOptions extends StatusSources {
  own: OwnMetrics;
  /** The settings in force, fit to be shown. */
  effective: readonly EffectiveSetting[];
}

/** How long a scrape waits while series are being ended, until that is certain. */
const REMOVAL_WAIT_MS = 2000;

/** What the server shows of the gateway. */
export function makePages(options: PagesOptions): Pages {
  const { settings, ingestion, own, intake, tally, history, effective, nowMs } = options;
  const { metrics, web } = settings;
  /** What may be shown; undefined: there are no totals. */
  const findRegistry = async (): Promise<
    { registry: Registry | undefined } | { refusal: string }
  > => {
    if (!(await ingestion.untilShowable(REMOVAL_WAIT_MS))) return { refusal: REMOVING };
    const { shown, tenure } = ingestion;
    if (shown === "recovering") {
      return { refusal: ingestion.notReadyReason ?? "recovering: done, scrape again" };
    }
    return { registry: shown === "totals" ? tenure?.registry : undefined };
  };
  const needRegistry = async (): Promise<{ registry: Registry } | { refusal: string }> => {
    const found = await findRegistry();
    if ("refusal" in found) return found;
    const { registry } = found;
    return registry ? { registry } : { refusal: ingestion.notReadyReason ?? "not ready" };
  };
  const isValid = () => ingestion.shown === "totals";
  return {
    metrics: async (isWanted, format) => {
      own.noteState(ingestion, nowMs());
      if (intake !== undefined) own.noteIntake(intake.figures, intake.usedBytes);
      const families = await own.render();
      const found = await findRegistry();
      if ("refusal" in found) return found;
      const snapshot = found.registry?.snapshot(nowMs(), isWanted);
      const wanted = families.filter(({ name }) => isWanted(name));
      return {
        chunks: renderExposition(format, snapshot, wanted, metrics),
        isValid: () => snapshot === undefined || isValid(),
        end: () => snapshot?.release(),
      };
    },
    families: async () => {
      const found = await needRegistry();
      if ("refusal" in found) return found;
      const { registry } = found;
      const takenAtMs = nowMs();
      return {
        families: registry.families,
        createdMs: (series) => registry.createdMs(series),
        activity: registry.activity.snapshot(performance.now(), takenAtMs),
        takenAtMs,
        isValid,
      };
    },
    totals: async (isWanted) => {
      const found = await needRegistry();
      if ("refusal" in found) return found;
      const { registry } = found;
      return {
        snapshot: registry.snapshot(nowMs(), isWanted),
        lastSeenMs: (type, series) => registry.lastSeenMs(type, series),
        isValid,
      };
    },
    status: () => statusOf(options),
    history: () => history.show(),
    drops: () => dropsOf(tally),
    settings: effective,
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
    requestRefused: (reason) => own.requestsRefused.inc({ reason }),
  };
}

const REMOVING = "series are being removed: scrape again";
