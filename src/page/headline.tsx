import type { JSX } from "preact";
import type { Headline as Figures, History, Status } from "../http/status-types.ts";
import { formatCount, formatExact, formatSeconds } from "./format.ts";
import { isLate, SERIES_SHARE_FINE } from "./state.ts";

interface Figure {
  key: keyof Figures;
  title: string;
  format(value: number): string;
  /** Why it is worth a look, and where; undefined when it is not. */
  look(status: Status): { text: string; link: string } | undefined;
}

const perSecond = (value: number) => `${formatCount(value)}/s`;

export const FIGURES: readonly Figure[] = [
  { key: "samplesPerSecond", title: "Samples", format: perSecond, look: () => undefined },
  { key: "backlog", title: "Backlog", format: formatCount, look: () => undefined },
  {
    ...{ key: "lagSeconds", title: "Lag", format: formatSeconds },
    look: ({ headline }) => (isLate(headline) ? { text: "late", link: "#queue" } : undefined),
  },
  {
    ...{ key: "droppedPerSecond", title: "Dropped", format: perSecond },
    look: ({ headline }) =>
      headline.droppedPerSecond > 0 ? { text: "why", link: "#drops" } : undefined,
  },
  {
    ...{ key: "series", title: "Series", format: formatCount },
    look: ({ series, seriesMax }) =>
      seriesMax > 0 && series >= seriesMax * SERIES_SHARE_FINE
        ? { text: `limit ${formatCount(seriesMax)}`, link: "#families" }
        : undefined,
  },
];

/** The five figures, each with its last 15 minutes. The plots are drawn by the browser. */
export function Headline({
  status,
  history,
}: {
  status: Status;
  history: History | undefined;
}): JSX.Element {
  return (
    <section class="figures" aria-label="Figures, with the last 15 minutes">
      {FIGURES.map((figure) => (
        <FigureCard key={figure.key} figure={figure} status={status} history={history} />
      ))}
    </section>
  );
}

function FigureCard({
  figure: { key, title, format, look },
  status,
  history,
}: {
  figure: Figure;
  status: Status;
  history: History | undefined;
}): JSX.Element {
  const value = status.headline[key];
  const worth = look(status);
  return (
    <div class={worth === undefined ? "figure" : "figure is-look"}>
      <h2>{title}</h2>
      <p class="value" title={value === null ? undefined : formatExact(value)}>
        {value === null ? "unknown" : format(value)}
        {worth !== undefined && (
          <a class="worth" href={worth.link}>
            {worth.text}
          </a>
        )}
      </p>
      {/* Nothing of ours is in it: the browser draws there. */}
      <div class="plot" data-plot={key} aria-hidden="true" />
      <p class="range">{rangeText(history?.[key] ?? [], history?.stepMs ?? 0, format)}</p>
    </div>
  );
}

/** What the plot shows, in words. */
function rangeText(
  points: (number | null)[],
  stepMs: number,
  format: (value: number) => string,
): string {
  const values = points.filter((value) => value !== null);
  if (values.length === 0) return "no history yet";
  const [least, most] = [Math.min(...values), Math.max(...values)].map(format);
  const span = formatSeconds(points.length * (stepMs / 1000));
  return least === most ? `${least} for ${span}` : `${least} to ${most} in ${span}`;
}
