import type { JSX } from "preact";
import { unreachable } from "../unreachable.ts";
import { Drops } from "./drops.tsx";
import { dataOf, type Facts } from "./facts.ts";
import { Families } from "./families.tsx";
import { formatSeconds } from "./format.ts";
import { Headline } from "./headline.tsx";
import { Icon } from "./icon.tsx";
import { Queue } from "./queue.tsx";
import { Build, Settings } from "./settings.tsx";
import { type State, stateOf } from "./state.ts";
import type { View } from "./view.ts";
import { Workers } from "./workers.tsx";

/** Whether what is shown is fresh. Times are of the clock of whoever shows it. */
export type Connection =
  /** Without JavaScript, or before it has begun. */
  | { kind: "still" }
  | { kind: "live" }
  /** The gateway does not answer, or not to this browser any more. */
  | { kind: "away"; isRefused: boolean; forSeconds: number; nextInSeconds: number };

export interface PageProps {
  facts: Facts;
  view: View;
  connection: Connection;
}

/** The same on both sides: the server writes it as HTML, the browser keeps it up to date. */
export function Page({ facts, view, connection }: PageProps): JSX.Element {
  const { status } = facts;
  const state = shownState({ facts, connection });
  return (
    <>
      <a class="skip" href="#families">
        Skip to the families
      </a>
      <header class="top">
        <p class="brand">Prometheus Stream Gateway</p>
        <p class="id" title="Gateway.Id">
          {status.gatewayId}
        </p>
        <Freshness connection={connection} />
      </header>
      <main class={connection.kind === "away" ? "is-old" : undefined}>
        <section class={`state is-${state.level}`} aria-labelledby="state-title">
          <Icon of={state.level} />
          <div>
            {/* Only this is said aloud, and only when it changes. */}
            <h1 id="state-title">
              <span role="status">{state.title}</span>
            </h1>
            <p class="detail">{state.detail}</p>
            {state.remedy !== undefined && <p class="remedy">{state.remedy}</p>}
          </div>
        </section>
        <Headline status={status} history={dataOf(facts.history)} />
        <div class="pair">
          <Queue status={status} />
          <div class="stack">
            <Workers status={status} />
            <Drops drops={facts.drops} nowMs={status.nowMs} />
          </div>
        </div>
        <Families
          families={facts.families}
          family={facts.family}
          view={view}
          nowMs={status.nowMs}
        />
        <Settings settings={facts.settings} />
        <Build status={status} />
      </main>
    </>
  );
}

/** What the page's title says, too. */
export function shownState({ facts, connection }: Pick<PageProps, "facts" | "connection">): State {
  if (connection.kind !== "away") return stateOf(facts.status, dataOf(facts.history));
  if (connection.isRefused) {
    return {
      level: "bad",
      title: "The gateway wants a login",
      detail: "What stands below is what it said last.",
      remedy: "Load this page anew to log in.",
    };
  }
  return {
    level: "bad",
    title: "The gateway does not answer",
    detail: "What stands below is what it said last.",
    remedy:
      "Look whether its process runs, and at its log. This page goes on when it answers again.",
  };
}

function Freshness({ connection }: { connection: Connection }): JSX.Element {
  switch (connection.kind) {
    case "still":
      return <p class="fresh">As of this answer; reload for a newer one</p>;
    case "live":
      return (
        <p class="fresh is-live">
          <span class="pulse" />
          Live
        </p>
      );
    case "away": {
      const { forSeconds, nextInSeconds } = connection;
      return (
        <p class="fresh is-away">
          No answer for {formatSeconds(forSeconds)}, next try in {formatSeconds(nextInSeconds)}
        </p>
      );
    }
    default:
      return unreachable(connection);
  }
}
