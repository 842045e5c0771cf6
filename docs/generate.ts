import { join } from "node:path";
import { IGNORED_OPTIONS } from "../src/config/connection-string.ts";
import { LOG_LEVEL_PREFIX, SECTIONS, SETTINGS, type Setting } from "../src/config/settings.ts";

/** `docs/configuration.md`, made from the table of settings; a test fails when it is stale. */
export function renderConfiguration(): string {
  const settings = Object.values(SETTINGS) as Setting[];
  const tables = SECTIONS.map((section) => {
    const own = settings.filter((setting) => setting.name.startsWith(`${section}.`));
    return `## ${section}\n\n${HEAD}${own.map(renderRow).join("")}${section === "Logging" ? AREAS : ""}`;
  });
  return `${INTRODUCTION}\n${tables.join("\n")}\n${CONNECTION_STRINGS}`;
}

const HEAD =
  "| setting | environment variable | default | takes | meaning |\n| --- | --- | --- | --- | --- |\n";

function renderRow({ name, defaultText, takes, doc }: Setting): string {
  const variable = name.replaceAll(".", "__");
  const shown = defaultText === "" ? "none" : `\`${defaultText}\``;
  return `| \`${name}\` | \`${variable}\` | ${shown} | ${takes} | ${doc} |\n`;
}

const AREAS = `| \`${LOG_LEVEL_PREFIX}<area>\` | \`${LOG_LEVEL_PREFIX.replaceAll(".", "__")}<area>\` | | as above | The same for one area of the log: \`main\`, \`queue\`, \`worker\`, \`sample\`, \`resp\` (the embedded queue's server) or \`http\` (which has no lines so far). Other areas, such as \`Microsoft.AspNetCore\`, are taken and have no effect. |
`;

const INTRODUCTION = `# Configuration

<!-- Made by \`npm run docs\` from src/config/settings.ts: change it there. -->

Settings come from three sources; of a setting that stands in several, the later source counts:

1. \`appsettings.json\` in the working directory, or the file that \`--config FILE\` names. Keys are
   nested or flat (\`"Redis:MetricQueueKey"\`); comments, trailing commas and other programs'
   sections are fine.
2. The environment, with two underscores for a dot: \`Redis__MetricQueueKey\`. An empty variable is
   as good as none.
3. Flags: \`--Redis.MetricQueueKey=...\`

Names are taken in any case. A setting that is not known, or whose value is not taken, stops the
start with one line a fault and exit code 2. \`prom-stream-gateway check-config\` does only that, and
shows the settings in force and where each comes from, with credentials masked.

The program reads nothing else from the working directory: no \`.env\`, no \`bunfig.toml\`. The
runtime inside it still heeds \`BUN_OPTIONS\` and \`BUN_BE_BUN\` in the environment: leave them unset.
`;

const CONNECTION_STRINGS = `## Connection strings

\`Redis.ConnectionString\` takes two notations.

As StackExchange.Redis has it, hosts first, then options:

| example | meaning |
| --- | --- |
| \`localhost:6379\` | one Redis; the default port is 6379, with \`ssl=true\` 6380 |
| \`redis.example,user=gateway,password=secret\` | with a login; a password with a comma needs a URL |
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
}
