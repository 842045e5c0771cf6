import type { JSX } from "preact";
import type { SettingEntry, Status } from "../http/status-types.ts";
import type { Answer } from "./facts.ts";
import { formatSeconds } from "./format.ts";
import { Ago, Bytes, Count, Fact, Unshown } from "./values.tsx";

const DEFAULT = "default";

/** What is in force and where it came from; defaults only when they are asked for. */
export function Settings({ settings }: { settings: Answer<SettingEntry[]> }): JSX.Element {
  if ("error" in settings) {
    return (
      <section aria-labelledby="settings">
        <h2 id="settings">Settings</h2>
        <Unshown reason={settings.error} />
      </section>
    );
  }
  const defaults = settings.data.filter(({ source }) => source === DEFAULT);
  const set = settings.data.filter(({ source }) => source !== DEFAULT);
  return (
    <section aria-labelledby="settings">
      <h2 id="settings">Settings</h2>
      {set.length === 0 ? (
        <p class="unshown">None is set.</p>
      ) : (
        <SettingsTable settings={set} caption="Set" />
      )}
      <details>
        <summary>{defaults.length} with their defaults</summary>
        <SettingsTable settings={defaults} caption="Defaults" />
      </details>
    </section>
  );
}

function SettingsTable({
  settings,
  caption,
}: {
  settings: SettingEntry[];
  caption: string;
}): JSX.Element {
  return (
    <table class="settings">
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Setting</th>
          <th scope="col">Value</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {settings.map(({ name, text, source }) => (
          <tr key={name}>
            <th scope="row">
              <code>{name}</code>
            </th>
            <td>{text === "" ? <span class="none">none</span> : <code>{text}</code>}</td>
            <td>{source}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Build({ status }: { status: Status }): JSX.Element {
  const { version, revision, startedAtMs, nowMs, memoryBytes, cpuSeconds } = status;
  return (
    <section aria-labelledby="build">
      <h2 id="build">Build and process</h2>
      <dl class="facts is-wide">
        <Fact name="Version">{version}</Fact>
        <Fact name="Revision">
          <code>{revision}</code>
        </Fact>
        <Fact name="Started">
          <Ago atMs={startedAtMs} nowMs={nowMs} />
        </Fact>
        <Fact name="Memory">
          <Bytes of={memoryBytes} />
        </Fact>
        <Fact name="CPU time">{formatSeconds(cpuSeconds)}</Fact>
        <Fact name="Samples">
          <Count of={status.samplesTotal} />
        </Fact>
        <Fact name="Dropped">
          <Count of={status.droppedTotal} />
        </Fact>
        <Fact name="Lost by the queue">
          <Count of={status.lostTotal} />
        </Fact>
      </dl>
    </section>
  );
}
