import type { JSX } from "preact";
import type { State } from "./state.ts";

const PATHS: Record<State["level"], string> = {
  fine: "M7 12.5l3.5 3.5L17 9",
  waiting: "M9.5 8v8M14.5 8v8",
  look: "M12 7v6.5M12 17v.01",
  bad: "M8.5 8.5l7 7M15.5 8.5l-7 7",
};

/** A shape of its own for each state: none is told by its colour alone. */
export function Icon({ of }: { of: State["level"] }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="11" />
      <path d={PATHS[of]} />
    </svg>
  );
}
