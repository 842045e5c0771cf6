import type { JSX } from "preact";
import type { JsonValue, SeriesEntry } from "../http/status-types.ts";
import type { FamiliesProps } from "./families.tsx";
import { formatExact } from "./format.ts";
import { Pager } from "./pager.tsx";
import { Ago, Unshown } from "./values.tsx";
import { linkOf, PAGE_ROWS } from "./view.ts";

/** The series of the family that is open, with their values. */
export function SeriesOfFamily({ family, view, nowMs }: FamiliesProps): JSX.Element {
  if (family === null) return <p class="unshown">Being asked for.</p>;
  if ("error" in family) return <Unshown reason={family.error} />;
  const { total, offset, series } = family.data;
  const hasTimes = series.some(({ lastSeenMs }) => typeof lastSeenMs === "number");
  return (
    <div class="inner">
      {(total > PAGE_ROWS || view.labels !== "") && (
        <form class="search" action="#families" data-live>
          <label>
            <span class="unseen">Search the series of {view.family} by label</span>
            <input
              type="search"
              name="labels"
              value={view.labels}
              placeholder="Search labels"
              autocomplete="off"
              spellcheck={false}
            />
          </label>
          {Object.entries(view).map(([name, value]) =>
            name === "labels" || name === "from" ? null : (
              <input key={name} type="hidden" name={name} value={String(value)} />
            ),
          )}
          <button type="submit">Search</button>
        </form>
      )}
      {series.length === 0 ? (
        <p class="unshown">No series is like that.</p>
      ) : (
        <table class="series">
          <caption class="unseen">Series of {view.family}</caption>
          <thead>
            <tr>
              <th scope="col">Labels</th>
              <th scope="col" class="number">
                Value
              </th>
              <th scope="col">Began</th>
              {hasTimes && <th scope="col">Last seen</th>}
            </tr>
          </thead>
          <tbody>
            {series.map((each) => (
              <tr key={JSON.stringify(each.labels)}>
                <th scope="row">
                  <Labels of={each.labels} />
                </th>
                <td class="number">
                  <Value of={each} />
                </td>
                <td data-title="began">
                  <Ago atMs={each.firstSeenMs} nowMs={nowMs} />
                </td>
                {hasTimes && (
                  <td data-title="last seen">
                    <Ago atMs={each.lastSeenMs} nowMs={nowMs} />
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Pager
        what="series"
        total={total}
        offset={offset}
        linkTo={(from) => `${linkOf(view, { from })}#families`}
      />
    </div>
  );
}

function Labels({ of }: { of: SeriesEntry["labels"] }): JSX.Element {
  if (of.length === 0) return <span class="none">no labels</span>;
  return (
    <ul class="labels">
      {of.map(([name, value]) => (
        <li key={name}>
          <span class="label-name">{name}</span>
          <span class="label-value">{value === "" ? '""' : value}</span>
        </li>
      ))}
    </ul>
  );
}

function Value({ of }: { of: SeriesEntry }): JSX.Element {
  const { value, count, sum, buckets, quantiles } = of;
  if (count === undefined) return <Shown value={value} />;
  const parts = buckets ?? quantiles ?? [];
  return (
    <>
      <span class="part">
        count <Shown value={count} />
      </span>
      {sum !== undefined && (
        <span class="part">
          sum <Shown value={sum} />
        </span>
      )}
      {parts.length > 0 && (
        <details>
          <summary>
            {parts.length} {buckets === undefined ? "quantile" : "bucket"}
            {parts.length === 1 ? "" : "s"}
          </summary>
          <dl class="parts">
            {parts.map(([name, part]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <Shown value={part} />
                </dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </>
  );
}

/** To twelve digits, which hide what sums of doubles are off; exactly when it is pointed at. */
function Shown({ value }: { value: JsonValue | null }): JSX.Element {
  if (value === null) return <span class="none">none</span>;
  if (typeof value === "string") return <>{value}</>;
  return <span title={String(value)}>{formatExact(Number(value.toPrecision(12)))}</span>;
}
