import type { JSX } from "preact";
import { formatAgo, formatBytes, formatCount, formatExact, formatTime } from "./format.ts";

/** A number to three digits; all of them when it is pointed at. */
export function Count({ of }: { of: number }): JSX.Element {
  return <span title={formatExact(of)}>{formatCount(of)}</span>;
}

export function Bytes({ of }: { of: number }): JSX.Element {
  return <span title={`${formatExact(of)} bytes`}>{formatBytes(of)}</span>;
}

/** How long ago; the exact time when it is pointed at, and for machines. */
export function Ago({ atMs, nowMs }: { atMs: number | null; nowMs: number }): JSX.Element {
  if (atMs === null) return <span class="none">unknown</span>;
  return (
    <time dateTime={new Date(atMs).toISOString()} title={formatTime(atMs)}>
      {formatAgo(atMs, nowMs)}
    </time>
  );
}

export function Fact({
  name,
  children,
}: {
  name: string;
  children: JSX.Element | string | (JSX.Element | string)[];
}): JSX.Element {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** In place of what cannot be shown for now. */
export function Unshown({ reason }: { reason: string }): JSX.Element {
  return <p class="unshown">Not shown: {reason}</p>;
}
