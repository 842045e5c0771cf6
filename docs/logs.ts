import {
  AREAS,
  type Area,
  EVENTS,
  type EventDeclaration,
  LINES_MAX,
} from "../src/telemetry/event-list.ts";

/** `docs/logs.md`, made from the declarations of events; a test fails when it is stale. */
export function renderLogs(): string {
  const events = Object.entries(EVENTS) as [string, EventDeclaration][];
  const sections = (Object.keys(AREAS) as Area[]).map((area) => {
    const own = events.filter(([, event]) => event.area === area);
    const head = `## Area \`${area}\`\n\nOf ${AREAS[area]}.\n`;
    if (own.length === 0) return `${head}\nIt has no events so far.\n`;
    return head + own.map(([name, event]) => renderEvent(name, event)).join("");
  });
  const rows = events.map(([name, { level, area }]) => {
    return `| [\`${name}\`](#${name}) | ${level} | \`${area}\` |\n`;
  });
  return `${INTRODUCTION}${rows.join("")}\n${sections.join("\n")}`;
}

function renderEvent(name: string, event: EventDeclaration): string {
  const { level, meaning, remedy, oncePer, fields } = event;
  const often = oncePer === undefined ? "" : ` ${oftenText(oncePer)}`;
  const remedyText = remedy === undefined ? "" : `What to do: ${remedy}.\n\n`;
  const rows = Object.entries(fields).map(([field, { doc, isOptional }]) => {
    return `| \`${field}\` | ${doc}${isOptional ? " May be missing." : ""} |\n`;
  });
  const table = `| field | meaning |\n| --- | --- |\n${rows.join("")}`;
  return `\n### ${name}\n\nLevel ${level}.${often} ${meaning}\n\n${remedyText}${table}`;
}

function oftenText(oncePer: string): string {
  return `At most once in ten seconds${oncePer === "event" ? "" : ` for each \`${oncePer}\``}.`;
}

const INTRODUCTION = `# The log

<!-- Made by \`npm run docs\` from src/telemetry/event-list.ts: change it there. -->

Each line on stdout is one event: a JSON object, or on a terminal text
([\`Logging.Format\`](configuration.md#logging) says which). A wrong command line or setting goes to stderr, as text.

\`\`\`json
{"time":"2026-01-31T12:00:00.000Z","level":"warning","area":"sample","event":"samples_dropped","reason":"unknown_type","count":3,"payload":"{\\"type\\":\\"meter\\"}","remedy":"..."}
\`\`\`
\`\`\`
2026-01-31T12:00:00.000Z WARNING     sample: samples_dropped reason="unknown_type" count=3 payload="{\\"type\\":\\"meter\\"}" remedy="..."
\`\`\`

Every line has \`time\`, \`level\`, \`area\` and \`event\`, and the fields of its event below. A warning or an error has
\`remedy\`, too: what to do about it. Names of events and fields stay; what varies is a field's value.
\`Logging.LogLevel.Default\` and \`Logging.LogLevel.<area>\` say which levels are written: \`trace\`, \`debug\`,
\`information\`, \`warning\`, \`error\`, \`critical\`; \`information\` and above by default.

Nobody can flood the log. What happens again and again is said once in ten seconds, and no event has more than
${LINES_MAX} lines in that time, whatever it is about; \`suppressed\` is then how many lines of the event were left out
before this one. Texts are cut to 1000 characters, payloads to 200. What senders cause is counted in full by
[metrics](../README.md#own-metrics), and alerts belong there: [runbook.md](runbook.md).

| event | level | area |
| --- | --- | --- |
`;
