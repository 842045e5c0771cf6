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
  /**
   * What `make` gives of what may be shown, at the very moment at which it may; it gets undefined where
   * there are no totals.
   */
  const show = async <T>(make: (registry: Registry | undefined) => T): Promise<T | Refusal> => {
    const isShowable = await ingestion.untilShowable(REMOVAL_WAIT_MS);
    if (!isShowable || ingestion.isRemoving) return { refusal: REMOVING };
    const { shown, tenure } = ingestion;
    if (shown === "recovering") {
      return { refusal: ingestion.notReadyReason ?? "recovering: done, scrape again" };
    }
    return make(shown === "totals" ? tenure?.registry : undefined);
  };
  const showTotals = <T>(make: (registry: Registry) => T): Promise<T | Refusal> =>
    show<T | Refusal>((registry) =>
      registry ? make(registry) : { refusal: ingestion.notReadyReason ?? "not ready" },
    );
  const isValid = () => ingestion.shown === "totals";
  return {
    metrics: async (isWanted, format) => {
      own.noteState(ingestion, nowMs());
      if (intake !== undefined) own.noteIntake(intake.figures, intake.usedBytes);
      const families = await own.render();
      return show((registry) => {
        const snapshot = registry?.snapshot(nowMs(), isWanted);
        const wanted = families.filter(({ name }) => isWanted(name));
        return {
          chunks: renderExposition(format, snapshot, wanted, metrics),
          isValid: () => snapshot === undefined || isValid(),
          end: () => snapshot?.release(),
        };
      });
    },
    families: () =>
      showTotals((registry) => {
        const takenAtMs = nowMs();
        return {
          families: registry.families,
          createdMs: (series) => registry.createdMs(series),
          activity: registry.activity.snapshot(performance.now(), takenAtMs),
          takenAtMs,
          isValid,
        };
      }),
    totals: (isWanted) =>
      showTotals((registry) => ({
        snapshot: registry.snapshot(nowMs(), isWanted),
        lastSeenMs: (type, series) => registry.lastSeenMs(type, series),
        isValid,
      })),
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
  };
}

interface Refusal {
  refusal: string;
}

const REMOVING = "series are being removed: scrape again";
