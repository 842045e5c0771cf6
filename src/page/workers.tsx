import type { JSX } from "preact";
import type { Status, WorkerStatus } from "../http/status-types.ts";
import { formatExact, formatSeconds } from "./format.ts";
import { Count } from "./values.tsx";

/** Who reads and decodes. */
export function Workers({ status }: { status: Status }): JSX.Element {
  const { workers } = status;
  return (
    <section aria-labelledby="workers">
      <h2 id="workers">Workers</h2>
      {workers.length === 0 ? (
        <p class="unshown">None runs: they are started when this process has the lease.</p>
      ) : (
        <table class="compact is-rows">
          <thead>
            <tr>
              <th scope="col">Worker</th>
              {["Ranges", "Batches", "Samples", "CPU", "Restarts"].map((title) => (
                <th key={title} scope="col" class="number">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <WorkerRow key={worker.worker} worker={worker} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function WorkerRow({ worker }: { worker: WorkerStatus }): JSX.Element {
  const { outstandingRanges, batches, samples, cpuSeconds, restarts } = worker;
  return (
    <tr>
      <th scope="row">{worker.worker}</th>
      <td class="number" data-title="ranges">
        {outstandingRanges}
      </td>
      <td class="number" data-title="batches">
        <Count of={batches} />
      </td>
      <td class="number" data-title="samples">
        <Count of={samples} />
      </td>
      <td class="number" data-title="CPU">
        {formatSeconds(cpuSeconds)}
      </td>
      <td class={restarts > 0 ? "number look" : "number"} data-title="restarts">
        {formatExact(restarts)}
      </td>
    </tr>
  );
}
