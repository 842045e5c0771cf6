/** What of the families is looked at. It stands in the page's address, so it can be linked. */
export interface View {
  search: string;
  /** Empty: all types. */
  type: string;
  /** A column, with `-` in front from the greatest down. */
  sort: string;
  offset: number;
  /** The family that is open; empty: none. */
  family: string;
  /** What the labels of its series are searched for. */
  labels: string;
  /** Of its series. */
  from: number;
}

export const TYPES = ["counter", "gauge", "histogram", "summary"] as const;

/** As the columns stand in the table, with the order that is asked for first. */
export const COLUMNS = [
  { key: "name", title: "Family", first: "name" },
  { key: "type", title: "Type", first: "type" },
  { key: "series", title: "Series", first: "-series" },
  { key: "growth", title: "New, 15 min", first: "-growth" },
  { key: "samplesPerSecond", title: "Samples/s", first: "-samplesPerSecond" },
  { key: "firstSeenMs", title: "First seen", first: "-firstSeenMs" },
  { key: "lastSeenMs", title: "Last seen", first: "-lastSeenMs" },
] as const;

/** Rows of a page, of families and of series. */
export const PAGE_ROWS = 100;

const DEFAULTS: View = {
  ...{ search: "", type: "", sort: "name", offset: 0 },
  ...{ family: "", labels: "", from: 0 },
};

/** Never fails: what is not known is as if it were not there. */
export function readView(query: URLSearchParams): View {
  const text = (name: string) => query.get(name) ?? "";
  const [type, sort] = [text("type"), text("sort")];
  const isColumn = COLUMNS.some(({ key }) => key === sort.replace(/^-/, ""));
  return {
    search: text("search"),
    type: TYPES.some((known) => known === type) ? type : "",
    sort: isColumn ? sort : DEFAULTS.sort,
    offset: readOffset(text("offset")),
    family: text("family"),
    labels: text("labels"),
    from: readOffset(text("from")),
  };
}

/** The address of the page for a view: `?` and what is not as ever. */
export function linkOf(view: View, changes: Partial<View> = {}): string {
  const changed = { ...view, ...changes };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(changed)) {
    if (value !== DEFAULTS[name as keyof View]) query.set(name, String(value));
  }
  return `?${query}`;
}

/** Where the API has what the view shows, beneath the page's folder. */
export function familiesPath({ search, type, sort, offset }: View): string {
  const query = new URLSearchParams({ sort, limit: String(PAGE_ROWS), offset: String(offset) });
  if (search !== "") query.set("search", search);
  if (type !== "") query.set("type", type);
  return `api/v1/families?${query}`;
}

export function familyPath({ family, labels, from }: View): string {
  const range = { limit: String(PAGE_ROWS), offset: String(from) };
  const query = new URLSearchParams({ name: family, ...range });
  if (labels !== "") query.set("search", labels);
  return `api/v1/family?${query}`;
}

function readOffset(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
