import type { JSX } from "preact";
import type { QueueStatus, Status } from "../http/status-types.ts";
import { formatCount, formatExact, formatSeconds } from "./format.ts";
import { Ago, Bytes, Count, Fact } from "./values.tsx";

/** Where samples come from, who may take them, and how far that is. */
export function Queue({ status }: { status: Status }): JSX.Element {
  const { queue, nowMs } = status;
  const { redis, embedded, position } = queue;
  return (
    <section aria-labelledby="queue">
      <h2 id="queue">Queue</h2>
      <dl class="facts">
        <Fact name={redis === null ? "Embedded queue" : "Redis"}>
          <code>{redis?.address ?? embedded?.address ?? "unknown"}</code>
        </Fact>
        <Fact name="Key">
          <code>{status.queueKey}</code>
        </Fact>
        <Fact name="Owner">{ownerText(status)}</Fact>
        <Fact name="Lease">{leaseText(status)}</Fact>
        <Fact name="Segments">
          <Count of={queue.segments} />
        </Fact>
        <Fact name="Position">
          {position === null
            ? "none"
            : `segment ${formatExact(position.segment)}, ${formatCount(position.left)} to go`}
        </Fact>
        <Fact name="Last checkpoint">
          <Checkpoint queue={queue} nowMs={nowMs} />
        </Fact>
        {redis !== null && <RedisFacts redis={redis} />}
        {embedded !== null && <EmbeddedFacts embedded={embedded} />}
      </dl>
    </section>
  );
}

function ownerText({ owner, standby, queue }: Status): string {
  if (owner) return "this process";
  if (standby) return `${queue.holder ?? "another process"}; this one stands by`;
  return queue.holder ?? "none known";
}

function leaseText({ owner, queue: { leaseMs, leaseLeftMs } }: Status): string {
  const whole = formatSeconds(leaseMs / 1000);
  if (!owner) return `${whole}, not held here`;
  if (leaseLeftMs === null) return "held until this process ends";
  return `${whole}, ${formatSeconds(Math.max(0, leaseLeftMs) / 1000)} left`;
}

function Checkpoint({ queue, nowMs }: { queue: QueueStatus; nowMs: number }): JSX.Element {
  const { lastCheckpoint: last, checkpointFailures: failures } = queue;
  const failed = failures > 0 && (
    <strong class="look">{`, ${formatExact(failures)} failed`}</strong>
  );
  if (last === null) return <span>none{failed}</span>;
  const { number, atMs, bytes, seconds } = last;
  return (
    <span>
      <Ago atMs={atMs} nowMs={nowMs} />
      {", number "}
      {formatExact(number)}
      {", "}
      <Bytes of={bytes} />
      {` in ${formatSeconds(seconds)}`}
      {failed}
    </span>
  );
}

function RedisFacts({ redis }: { redis: NonNullable<QueueStatus["redis"]> }): JSX.Element {
  const { version, latencyMs, usedMemoryBytes, maxMemoryBytes } = redis;
  return (
    <>
      <Fact name="Version">{version ?? "unknown"}</Fact>
      <Fact name="Latency">{latencyMs === null ? "unknown" : formatSeconds(latencyMs / 1000)}</Fact>
      <Fact name="Memory">
        {usedMemoryBytes === null ? (
          "unknown"
        ) : (
          <span>
            <Bytes of={usedMemoryBytes} />
            {maxMemoryBytes ? (
              <>
                {" "}
                of <Bytes of={maxMemoryBytes} />
              </>
            ) : (
              ", no limit"
            )}
          </span>
        )}
      </Fact>
    </>
  );
}

function EmbeddedFacts({
  embedded: { clients, bufferBytes, bufferBytesMax },
}: {
  embedded: NonNullable<QueueStatus["embedded"]>;
}): JSX.Element {
  return (
    <>
      <Fact name="Clients">
        <Count of={clients} />
      </Fact>
      <Fact name="Buffer">
        <Bytes of={bufferBytes} />
        {" of "}
        <Bytes of={bufferBytesMax} />
      </Fact>
    </>
  );
}
