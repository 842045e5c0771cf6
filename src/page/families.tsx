import type { JSX } from "preact";
import type { FamiliesPage, FamilyEntry, FamilyPage } from "../http/status-types.ts";
import type { Answer } from "./facts.ts";
import { formatExact } from "./format.ts";
import { Pager } from "./pager.tsx";
import { SeriesOfFamily } from "./series.tsx";
import { Ago, Count, Unshown } from "./values.tsx";
import { COLUMNS, linkOf, TYPES, type View } from "./view.ts";

export interface FamiliesProps {
  families: Answer<FamiliesPage>;
  family: Answer<FamilyPage> | null;
  view: View;
  nowMs: number;
}

/** A page of them; links and a form only, so that it works without JavaScript. */
export function Families(props: FamiliesProps): JSX.Element {
  const { families, view } = props;
  return (
    <section id="families" aria-labelledby="families-title" tabIndex={-1}>
      <div class="bar">
        <h2 id="families-title">
          Families
          {"data" in families && <span class="tally">{formatExact(families.data.total)}</span>}
        </h2>
        <Search view={view} />
      </div>
      {"error" in families ? (
        <Unshown reason={families.error} />
      ) : (
        <Table {...props} list={families.data} />
      )}
    </section>
  );
}

function Search({ view }: { view: View }): JSX.Element {
  const { sort, search, type } = view;
  return (
    <form class="search" action="#families" data-live>
      <label>
        <span class="unseen">Search families by name or help</span>
        <input
          type="search"
          name="search"
          value={search}
          placeholder="Search name or help"
          autocomplete="off"
          spellcheck={false}
        />
      </label>
      <label>
        <span class="unseen">Type</span>
        <select name="type">
          {["", ...TYPES].map((each) => (
            <option key={each} value={each} selected={each === type}>
              {each === "" ? "All types" : each}
            </option>
          ))}
        </select>
      </label>
      <input type="hidden" name="sort" value={sort} />
      <button type="submit">Search</button>
      <a
        class="button"
        href={`${linkOf(view, { sort: "-growth", offset: 0 })}#families`}
        aria-current={sort === "-growth" ? "true" : undefined}
      >
        Fastest growing
      </a>
    </form>
  );
}

function Table(props: FamiliesProps & { list: FamiliesPage }): JSX.Element {
  const { list, view } = props;
  const isListed = list.families.some(({ name }) => name === view.family);
  return (
    <>
      {/* It may be on another page, or not found by what is searched for. */}
      {view.family !== "" && !isListed && <Aside {...props} />}
      {list.families.length === 0 ? (
        <p class="unshown">{emptyText(view)}</p>
      ) : (
        <table class="families">
          <caption class="unseen">Metric families</caption>
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <ColumnHead key={column.key} column={column} view={view} />
              ))}
            </tr>
          </thead>
          <tbody>
            {list.families.map((family) => (
              <FamilyRows key={family.name} {...props} row={family} />
            ))}
          </tbody>
        </table>
      )}
      <Pager
        what="families"
        total={list.total}
        offset={list.offset}
        linkTo={(offset) => `${linkOf(view, { offset })}#families`}
      />
    </>
  );
}

function ColumnHead({
  column: { key, title, first },
  view,
}: {
  column: (typeof COLUMNS)[number];
  view: View;
}): JSX.Element {
  const isBy = view.sort.replace(/^-/, "") === key;
  const isDescending = view.sort.startsWith("-");
  const turned = isDescending ? key : `-${key}`;
  const sort = isBy ? turned : first;
  return (
    <th
      scope="col"
      class={`is-${key}`}
      aria-sort={isBy ? (isDescending ? "descending" : "ascending") : undefined}
    >
      <a href={`${linkOf(view, { sort, offset: 0 })}#families`}>
        {title}
        <span class="arrow" aria-hidden="true">
          {isBy ? (isDescending ? "\u2193" : "\u2191") : ""}
        </span>
      </a>
    </th>
  );
}

function FamilyRows(props: FamiliesProps & { row: FamilyEntry }): JSX.Element {
  const { row, view, nowMs } = props;
  const isOpen = view.family === row.name;
  const family = isOpen ? "" : row.name;
  return (
    <>
      <tr class={isOpen ? "is-open" : undefined}>
        <th scope="row" class="is-name">
          <a
            href={`${linkOf(view, { family, labels: "", from: 0 })}#families`}
            aria-expanded={isOpen}
            data-family={row.name}
          >
            {row.name}
          </a>
          {row.help !== "" && <span class="help">{row.help}</span>}
        </th>
        <td class="is-type">
          {row.type}
          {row.unit !== "" && <span class="unit">{row.unit}</span>}
        </td>
        <td class="is-series" data-title="series">
          <Count of={row.series} />
        </td>
        <td class="is-growth" data-title="new">
          {row.growth === 0 ? (
            <span class="none">0</span>
          ) : (
            <span>
              +<Count of={row.growth} />
            </span>
          )}
        </td>
        <td class="is-samplesPerSecond" data-title="samples/s">
          <Count of={row.samplesPerSecond} />
        </td>
        <td class="is-firstSeenMs" data-title="first seen">
          <Ago atMs={row.firstSeenMs} nowMs={nowMs} />
        </td>
        <td class="is-lastSeenMs" data-title="last seen">
          <Ago atMs={row.lastSeenMs} nowMs={nowMs} />
        </td>
      </tr>
      {isOpen && (
        <tr class="open">
          <td colSpan={COLUMNS.length}>
            <SeriesOfFamily {...props} />
          </td>
        </tr>
      )}
    </>
  );
}

function Aside(props: FamiliesProps): JSX.Element {
  const { view } = props;
  return (
    <div class="aside">
      <h3>
        <code>{view.family}</code>
        <a class="button" href={`${linkOf(view, { family: "", labels: "", from: 0 })}#families`}>
          Close
        </a>
      </h3>
      <SeriesOfFamily {...props} />
    </div>
  );
}

function emptyText({ search, type, offset }: View): string {
  if (search !== "" || type !== "") return "No family is like that.";
  return offset === 0 ? "None yet: no sample has come." : "No more.";
}
