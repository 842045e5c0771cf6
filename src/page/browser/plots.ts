import uPlot from "uplot";
import type { Headline, History } from "../../http/status-types.ts";
import { FIGURES } from "../headline.tsx";

/** Of a young gateway's history: less would look like more than it is. */
const SPAN_SECONDS_MIN = 60;

interface Plot {
  chart: uPlot;
  scheme: string;
}

const plots = new WeakMap<HTMLElement, Plot>();
/** A pointer on one shows the same time in all. */
const sync = uPlot.sync("figures");
const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const { clientWidth: width, clientHeight: height } = target;
    plots.get(target as HTMLElement)?.chart.setSize({ width, height });
  }
});

/** Draws what has come since; anew where colours have changed. */
export function drawPlots(root: HTMLElement, history: History): void {
  const scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const { endMs, stepMs } = history;
  // Nothing was measured yet.
  if (endMs === null) return;
  for (const place of root.querySelectorAll<HTMLElement>("[data-plot]")) {
    const key = place.dataset.plot as keyof Headline;
    const values = history[key];
    const times = values.map((_, i) => (endMs - (values.length - 1 - i) * stepMs) / 1000);
    const drawn = plots.get(place);
    if (drawn?.scheme === scheme) {
      drawn.chart.setData([times, values]);
      continue;
    }
    drawn?.chart.destroy();
    plots.set(place, { scheme, chart: begin(place, key, [times, values]) });
    resized.observe(place);
  }
}

function begin(place: HTMLElement, key: keyof Headline, data: uPlot.AlignedData): uPlot {
  const colours = getComputedStyle(place);
  const { format } = FIGURES.find((figure) => figure.key === key)!;
  const said = document.createElement("p");
  said.className = "said";
  said.hidden = true;
  const chart = new uPlot(
    {
      width: place.clientWidth,
      height: place.clientHeight,
      padding: [4, 0, 0, 0],
      legend: { show: false },
      axes: [{ show: false }, { show: false }],
      cursor: {
        y: false,
        drag: { setScale: false, x: false, y: false },
        points: { size: 7, fill: colours.getPropertyValue("--ink") },
        sync: { key: sync.key },
      },
      scales: {
        x: { range: (_, begin, end) => [Math.min(begin, end - SPAN_SECONDS_MIN), end] },
        y: { range: (_, __, most) => [0, most > 0 ? most * 1.05 : 1] },
      },
      series: [
        {},
        {
          stroke: colours.getPropertyValue("--plot"),
          fill: colours.getPropertyValue("--plot-fill"),
          width: 1.5,
          points: { show: false },
        },
      ],
      hooks: {
        setCursor: [
          ({ cursor: { idx }, data: [times, values] }) => {
            const value = idx === null || idx === undefined ? undefined : values[idx];
            said.hidden = value === undefined || value === null;
            if (said.hidden) return;
            const time = new Date(times[idx as number] * 1000).toTimeString().slice(0, 8);
            said.textContent = `${format(value as number)} at ${time}`;
          },
        ],
      },
    },
    data,
    place,
  );
  place.append(said);
  return chart;
}
