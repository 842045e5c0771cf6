import { join } from "node:path";
import { IGNORED_OPTIONS } from "../src/config/connection-string.ts";
import { FAMILIES } from "../src/config/family-entries.ts";
import type { ListSetting } from "../src/config/list-setting.ts";
import { RELABEL } from "../src/config/relabel-rules.ts";
import {
  LOG_LEVEL_PREFIX,
  SECTIONS,
  SETTINGS,
  type Setting,
  secretFileName,
} from "../src/config/settings.ts";
import { AREAS } from "../src/telemetry/event-list.ts";
import { renderLogs } from "./logs.ts";

/** `docs/configuration.md`, made from the table of settings; a test fails when it is stale. */
export function renderConfiguration(): string {
  const settings = Object.values(SETTINGS) as Setting[];
  const tables = SECTIONS.map((section) => {
    const own = settings.filter((setting) => setting.name.startsWith(`${section}.`));
    return `## ${section}\n\n${HEAD}${own.map(renderRow).join("")}${section === "Logging" ? AREA_ROW : ""}`;
  });
  const lists = [renderList(RELABEL, RELABEL_TEXT), renderList(FAMILIES, FAMILIES_TEXT)];
  return `${INTRODUCTION}\n${tables.join("\n")}\n${lists.join("\n")}\n${CONNECTION_STRINGS}`;
}

function renderList({ name, fields }: ListSetting<unknown>, text: string): string {
  const rows = Object.values(fields).map((field) => {
    const { defaultValue, takes, doc } = field;
    const isNone = defaultValue === undefined || defaultValue === "" || defaultValue === 0;
    return `| \`${field.name}\` | ${isNone ? "none" : `\`${defaultValue}\``} | ${takes} | ${doc} |\n`;
  });
  const head = "| field | default | takes | meaning |\n| --- | --- | --- | --- |\n";
  return `## ${name}\n\n${text}\n${head}${rows.join("")}`;
}

const HEAD =
  "| setting | environment variable | default | takes | meaning |\n| --- | --- | --- | --- | --- |\n";

/** A row, and one of the file that may hold the value. */
function renderRow(
  setting: Pick<Setting, "name" | "defaultText" | "takes" | "doc" | "mask">,
): string {
  const { name, defaultText, takes, doc } = setting;
  const variable = name.replaceAll(".", "__");
  const shown = defaultText === "" ? "none" : `\`${defaultText}\``;
  const row = `| \`${name}\` | \`${variable}\` | ${shown} | ${takes} | ${doc} |\n`;
  const file = secretFileName(setting);
  if (file === undefined) return row;
  const meaning = `A file that holds \`${name}\`: see [Secrets](#secrets).`;
  return (
    row + renderRow({ name: file, defaultText: "", takes: "a path, or nothing", doc: meaning })
  );
}

const AREA_LIST = Object.keys(AREAS)
  .map((area) => `\`${area}\``)
  .join(", ");

const AREA_ROW = `| \`${LOG_LEVEL_PREFIX}<area>\` | \`${LOG_LEVEL_PREFIX.replaceAll(".", "__")}<area>\` | | as above | The same for one area of the log: ${AREA_LIST}. Other areas, such as \`Microsoft.AspNetCore\`, are taken and have no effect. |
`;

const RELABEL_TEXT = `Rules for the labels of all samples, for where senders cannot be changed. A rule is one of Prometheus'
[\`relabel_config\`](https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config)
and does what it does there; rules are applied in order.

\`\`\`json
{
  "Relabel": [
    { "source_labels": ["__name__"], "regex": "debug_.*", "action": "drop" },
    { "source_labels": ["host"], "regex": "([^.]+)[.].*", "target_label": "host" },
    { "regex": "pod|request_id", "action": "labeldrop" }
  ]
}
\`\`\`

In the environment the last rule's action is \`Relabel__2__action\`, the first one's label
\`Relabel__0__source_labels__0\`; as a flag \`--Relabel:2:action=labelkeep\`. So a source may change single
values of another one's list; it cannot make the list shorter. Indexes may have gaps. Fields are named
with underscores or without (\`SourceLabels\`), in any case.

- The metric name is the label \`__name__\`: \`labelkeep\` must keep it.
- Labels that begin with two underscores serve between rules and are removed at the end, as are
  empty ones.
- A sample that a rule drops is counted as \`relabel\`. What rules make of a sample must be as valid as
  what a sender may say, or it is dropped for the same reason (\`invalid_name\`, \`invalid_labels\`,
  \`reserved_label\`, \`too_many_labels\`, \`label_too_long\`).
- Rules are applied once for all messages that differ in their value alone, so they cost next to nothing.
- A change of the rules holds for samples that are applied from then on; what was counted stays
  under its old labels.

Expressions are those of [RE2](https://github.com/google/re2/wiki/Syntax), as in Prometheus 3: they must match
the whole text, and a dot takes a newline. Two things differ: an expression must be one by itself (Prometheus
also takes \`a)|(b\`), and \`null\` as a \`regex\` is as good as none.
`;

const FAMILIES_TEXT = `What samples of a metric family lack: with \`buckets\` here a sender may omit them. What a sample brings
itself counts.

\`\`\`json
{
  "Families": [
    { "match": "http_.*_seconds", "buckets": [0.01, 0.1, 1, 10], "unit": "seconds" },
    { "match": "job_wait_seconds", "quantiles": [0.5, 0.9, 0.99], "help": "Time in the queue." },
    { "match": ".*", "ttlSeconds": 86400, "maxSeries": 10000 }
  ]
}
\`\`\`

In the environment: \`Families__0__match\`, \`Families__0__buckets__3\`. All entries that match are looked at:
for each field the first of them counts that has it, so that a \`.*\` at the end is for what the others leave
open. What belongs together is taken from one entry: \`buckets\` with the native fields, and \`quantiles\`
with \`epsilons\`. Of a family that is there already the buckets do not change.
`;

const INTRODUCTION = `# Configuration

<!-- Made by \`npm run docs\` from src/config/settings.ts: change it there. -->

Settings come from three sources; of a setting that stands in several, the later source counts:

1. \`appsettings.json\` in the working directory, or the file that \`--config FILE\` names. Keys are
   nested or flat (\`"Redis:MetricQueueKey"\`); comments, trailing commas and other programs'
   sections are fine. Two settings are lists, [Relabel](#relabel) and [Families](#families).
2. The environment, with two underscores for a dot: \`Redis__MetricQueueKey\`. An empty variable is
   as good as none.
3. Flags: \`--Redis.MetricQueueKey=...\`

Names are taken in any case. A setting that is not known, or whose value is not taken, stops the
start with one line a fault and exit code 2. \`prom-stream-gateway check-config\` does only that, and
shows the settings in force and where each comes from, with credentials masked.

## Secrets

Each setting that may hold a secret has a twin whose name ends in \`File\`, for what Docker, Kubernetes and systemd
hand out: \`Redis__PasswordFile=/run/secrets/redis-password\`. The file holds the value and nothing else; one
newline at its end does not count. It is a regular file of up to 64 KiB in UTF-8, and not empty. Of the two one may be
set, whatever the source. A flag is seen by all who may list processes, a variable by who may look into the
process: files are the better place.

A password of its own needs no thought for what is special in a connection string, and comes before the one
that stands there:

\`\`\`sh
Redis__ConnectionString=rediss://redis.example:6380
Redis__User=gateway
Redis__PasswordFile=/run/secrets/redis-password
\`\`\`

What Redis is shown is read anew at each attempt to connect: \`Redis.PasswordFile\`, the user and the password
in \`Redis.ConnectionStringFile\`, \`Redis.TlsCaFile\`, \`Redis.TlsCertificateFile\`, \`Redis.TlsKeyFile\`. So
what is renewed on the disk needs no restart: the next connection uses it, and the log says
\`credentials_changed\`. A file that cannot be used then is named in the log as \`credentials_refused\`, and
what it held before is used on; at the start it is a fault. Connections that are there stay as they are.
\`Embedded.PasswordFile\` is read at the start.

No secret is in a log, an error, a page or what \`check-config\` shows; a file's path may be.

## The working directory

The program reads nothing else from the working directory: no \`.env\`, no \`bunfig.toml\`. The
runtime inside it still heeds \`BUN_OPTIONS\` and \`BUN_BE_BUN\` in the environment: leave them unset.
`;

const CONNECTION_STRINGS = `## Connection strings

\`Redis.ConnectionString\` takes two notations.

As StackExchange.Redis has it, hosts first, then options:

| example | meaning |
| --- | --- |
| \`localhost:6379\` | one Redis; the default port is 6379, with \`ssl=true\` 6380 |
| \`redis.example,user=gateway,password=secret\` | with a login; a password with a comma needs a URL, or \`Redis.Password\` |
| \`redis.example:6380,ssl=true,sslHost=redis.internal\` | TLS, and the name in the certificate |
| \`a.example:6379,b.example:6379\` | several endpoints, tried in turn |
| \`s1.example,s2.example,serviceName=mymaster\` | Sentinels (default port 26379) and the master's name |
| \`localhost,defaultDatabase=1,connectTimeout=2000,name=gw\` | database, time to connect in ms, client name |

Options are named in any case; of a repeated one the last counts. Of Redis Cluster any node will do:
\`MOVED\` is followed to the node that has the queue. These options of StackExchange.Redis are taken
and have no effect: ${IGNORED_OPTIONS.map((option) => `\`${option}\``).join(", ")}.

As a URL:

| example | meaning |
| --- | --- |
| \`redis://redis.example\` | one Redis; the default port is 6379, with \`rediss://\` too |
| \`redis://user:password@redis.example:6379/1\` | with a login, and the database |
| \`redis://:p%40ss@redis.example\` | a password only, here \`p@ss\` |
| \`rediss://[2001:db8::1]:6380\` | TLS; an IPv6 address stands in brackets, as it does in the other notation |

The reserved characters \`@ : / ? # %\` stand percent-encoded in the user and the password. Query
parameters are not taken. Several endpoints, Sentinel and the options need the other notation.
`;

if (import.meta.main) {
  await Bun.write(join(import.meta.dir, "configuration.md"), renderConfiguration());
  await Bun.write(join(import.meta.dir, "logs.md"), renderLogs());
}
