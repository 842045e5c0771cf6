import type { JSX } from "preact";
import { formatExact } from "./format.ts";
import { PAGE_ROWS } from "./view.ts";

/** Where in a long list one is, with links to what stands before and behind. */
export function Pager({
  what,
  total,
  offset,
  linkTo,
}: {
  what: string;
  total: number;
  offset: number;
  linkTo(offset: number): string;
}): JSX.Element | null {
  if (total <= PAGE_ROWS && offset === 0) return null;
  const end = Math.min(total, offset + PAGE_ROWS);
  return (
    <nav class="pager" aria-label={`Pages of ${what}`}>
      {offset > 0 ? (
        <a class="button" rel="prev" href={linkTo(Math.max(0, offset - PAGE_ROWS))}>
          Previous
        </a>
      ) : null}
      <span>
        {formatExact(Math.min(offset + 1, total))} to {formatExact(end)} of {formatExact(total)}
      </span>
      {end < total ? (
        <a class="button" rel="next" href={linkTo(offset + PAGE_ROWS)}>
          Next
        </a>
      ) : null}
    </nav>
  );
}
