import type { JSX } from "preact";
import type { DropEntry } from "../http/status-types.ts";
import type { Answer } from "./facts.ts";
import { formatBytes, formatExact } from "./format.ts";
import { Ago, Count, Unshown } from "./values.tsx";

/** What broke a rule: how often, with the last ones, and what to do. */
export function Drops({
  drops,
  nowMs,
}: {
  drops: Answer<DropEntry[]>;
  nowMs: number;
}): JSX.Element {
  return (
    <section aria-labelledby="drops">
      <h2 id="drops">Drops</h2>
      {"error" in drops ? (
        <Unshown reason={drops.error} />
      ) : drops.data.length === 0 ? (
        <p class="unshown">None since the start.</p>
      ) : (
        <ul class="drops">
          {drops.data.map((drop) => (
            <DropItem key={drop.reason} drop={drop} nowMs={nowMs} />
          ))}
        </ul>
      )}
    </section>
  );
}

function DropItem({ drop, nowMs }: { drop: DropEntry; nowMs: number }): JSX.Element {
  const { reason, count, advice, payloads } = drop;
  return (
    <li>
      <h3>
        <code>{reason}</code>
        <span class="tally">
          <Count of={count} />
        </span>
      </h3>
      <p class="advice">{advice}</p>
      {payloads.length > 0 && (
        <details>
          <summary>
            The last {payloads.length === 1 ? "one" : formatExact(payloads.length)},{" "}
            <Ago atMs={payloads[0].atMs} nowMs={nowMs} />
          </summary>
          <ol>
            {payloads.map(({ atMs, payload, bytes }, i) => (
              <li key={i}>
                <p>
                  <Ago atMs={atMs} nowMs={nowMs} />, {formatBytes(bytes)}
                </p>
                <pre>{payload}</pre>
              </li>
            ))}
          </ol>
        </details>
      )}
    </li>
  );
}
