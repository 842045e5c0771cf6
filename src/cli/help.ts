import { REVISION, VERSION } from "../build-info.ts";
import { SETTING_NAMES, SETTINGS } from "../config/settings.ts";

export function helpText(): string {
  const width = Math.max(...SETTING_NAMES.map((name) => name.length));
  const defaults = new Map(Object.values(SETTINGS).map((each) => [each.name, each.defaultText]));
  const lines = SETTING_NAMES.map(
    (name) => `  --${name.padEnd(width)}  ${defaults.get(name) || "(none)"}`,
  );
  return `Prometheus Stream Gateway: takes JSON samples off a Redis list, aggregates them and shows
the totals on /metrics.

Usage:
  prom-stream-gateway [flags]                      run
  prom-stream-gateway --embedded [flags]           run without Redis: senders push to 127.0.0.1:6379
  prom-stream-gateway check-config [flags]         check the settings, show those in force
  prom-stream-gateway healthcheck [flags]          exit 0 when one here is ready or stands by
  prom-stream-gateway push TYPE NAME VALUE [label=value ...] [flags]
                                                   push one sample
  prom-stream-gateway push --json [flags]          push each line of standard input
  prom-stream-gateway load --rate 1000 --senders 10 [--count N] [flags]
                                                   push made-up samples
  prom-stream-gateway --help | --version

Settings, as --Name=value, Name__Part=value in the environment, or in appsettings.json
(--config FILE for another file), with their defaults:
${lines.join("\n")}
  --Relabel.N.FIELD, --Families.N.FIELD: lists, best in the file; see docs/configuration.md
`;
}

export function versionText(): string {
  return `prom-stream-gateway ${VERSION} (commit ${REVISION}, Bun ${Bun.version})\n`;
}
