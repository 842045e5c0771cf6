import type { Headline, History, Status } from "../http/status-types.ts";
import { formatCount, formatExact, formatSeconds } from "./format.ts";

/** How the gateway is, in one sentence, and what to do where there is something to do. */
export interface State {
  level: "fine" | "waiting" | "look" | "bad";
  title: string;
  detail: string;
  remedy?: string;
}

/** Less is what a claim, a range and a checkpoint take. */
const LAG_SECONDS_FINE = 5;
/** Less is none to a person. */
const LAG_SECONDS_SHOWN = 0.1;
/** So much of the series limit is worth a look. */
export const SERIES_SHARE_FINE = 0.9;

export function isLate({ lagSeconds, backlog }: Headline): boolean {
  return lagSeconds >= LAG_SECONDS_FINE && backlog !== 0;
}

const TREND_POINTS = 6;
/** A backlog that changes by less keeps its size. */
const TREND_SHARE = 0.02;

/** Judged by what the gateway says now, and by where its backlog was half a minute ago. */
export function stateOf(status: Status, history: History | undefined): State {
  if (!status.ready) return stateOfUnready(status);
  const { lagSeconds, backlog, droppedPerSecond } = status.headline;
  if (isLate(status.headline)) return stateOfLate(status, history);
  if (droppedPerSecond > 0) {
    return {
      level: "look",
      title: "Keeping up, but dropping samples",
      detail: `${formatCount(droppedPerSecond)} samples a second break a rule and are dropped.`,
      remedy: "The reasons, with what to do, stand under Drops.",
    };
  }
  if (status.seriesMax > 0 && status.series >= status.seriesMax * SERIES_SHARE_FINE) {
    const limit = `${formatCount(status.series)} of ${formatCount(status.seriesMax)} series`;
    return {
      level: "look",
      title: "Keeping up, near the series limit",
      detail: `${limit} are in use. Samples of new series are refused when it is reached.`,
      remedy: "Sort the families by what is new: a label with too many values grows fastest.",
    };
  }
  if (status.headline.samplesPerSecond === 0 && backlog === 0) {
    return {
      level: "fine",
      title: "Ready, no samples come",
      detail: `The queue is empty. ${formatCount(status.samplesTotal)} samples since the start.`,
      ...(status.samplesTotal === 0 && { remedy: `Senders LPUSH them to ${status.queueKey}.` }),
    };
  }
  return {
    level: "fine",
    title: "Keeping up",
    detail:
      `${formatCount(status.headline.samplesPerSecond)} samples a second, ` +
      (lagSeconds < LAG_SECONDS_SHOWN
        ? "taken as they come."
        : `${formatSeconds(lagSeconds)} behind the senders.`),
  };
}

function stateOfUnready({ reason, standby, queue }: Status): State {
  const text = reason ?? "not ready";
  if (standby) {
    return {
      level: "waiting",
      title: "Standing by",
      detail: sentence(`${queue.holder ?? "another process"} works under this gateway id`),
      remedy: `This one takes over within ${formatSeconds(queue.leaseMs / 1000)} of its end.`,
    };
  }
  if (text.startsWith("recovering")) {
    const left = text.replace(/^recovering: /, "").replace(/^\d+/, (n) => formatExact(Number(n)));
    return {
      level: "waiting",
      title: "Recovering",
      detail: `${sentence(left)} The totals are shown when it is done.`,
    };
  }
  if (text === "stopping") {
    return { level: "waiting", title: "Stopping", detail: "What is claimed is being applied." };
  }
  const [, queueName, cause = text] = /^(.*) unavailable: (.*)$/s.exec(text) ?? [];
  const isRedis = queue.kind === "redis";
  return {
    level: "bad",
    title: queueName === undefined ? "Not ready" : isRedis ? "Redis is away" : "The queue is away",
    detail: `${sentence(cause)} It tries again by itself, and goes on from its last checkpoint.`,
    remedy: isRedis
      ? "Look at Redis itself, the network to it, and Redis.ConnectionString."
      : "Look at Embedded.StateFile, and the folder and disk that it is on.",
  };
}

function stateOfLate({ headline, pendingElements }: Status, history: History | undefined): State {
  const { lagSeconds } = headline;
  // Where the queue does not tell, what was taken off it is known still.
  const backlog = headline.backlog ?? pendingElements;
  const waiting = `${formatCount(backlog)} samples wait, the oldest for ${formatSeconds(lagSeconds)}.`;
  const former = history?.backlog.at(-TREND_POINTS) ?? backlog;
  const perSecond = (backlog - former) / (((history?.stepMs ?? 0) / 1000) * (TREND_POINTS - 1));
  if (former > 0 && backlog < former * (1 - TREND_SHARE)) {
    return {
      level: "look",
      title: "Catching up",
      detail: `${waiting} At this pace it is done in ${formatSeconds(backlog / -perSecond)}.`,
    };
  }
  const isGrowing = backlog > former * (1 + TREND_SHARE);
  const growth = isGrowing ? ` ${formatCount(perSecond)} more each second.` : "";
  return {
    level: "bad",
    title: "Falling behind",
    detail: `${waiting}${growth}`,
    remedy: "Give it more CPU, or raise Redis.MetricQueueWorkers; look at Redis' latency below.",
  };
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
