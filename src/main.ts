import { parseArguments, takeFlags } from "./cli/arguments.ts";
import { renderEffective, renderWebFiles } from "./cli/check-config.ts";
import { healthcheck } from "./cli/healthcheck.ts";
import { helpText, versionText } from "./cli/help.ts";
import { load, readLoadOptions } from "./cli/load.ts";
import { push } from "./cli/push.ts";
import { run } from "./cli/run.ts";
import { readSettings } from "./cli/settings.ts";
import { SETTINGS } from "./config/settings.ts";
import { readWebFiles } from "./config/web-files.ts";

/** Exit codes: 0 done, 1 it failed, 2 the command line or the settings are wrong. */
async function main(words: readonly string[]): Promise<number> {
  const { command, operands, flags } = parseArguments(words);
  const general = takeFlags(flags, ["help", "version", "config", "embedded"]);
  if (general.help !== undefined) return say(helpText());
  if (general.version !== undefined) return say(versionText());
  if (general.embedded) return complain("--embedded takes no value; see Embedded.ListenAddress");
  if (general.embedded !== undefined) {
    // Before the others: one that names the setting wins.
    flags.unshift({ name: SETTINGS.embeddedListen.name, value: EMBEDDED_ADDRESS });
  }
  // What belongs to one command is taken out first: all other flags name settings.
  const own = takeFlags(
    flags,
    command === "push" ? ["json"] : command === "load" ? ["rate", "senders", "count"] : [],
  );
  if (!COMMANDS.includes(command)) return complain(`unknown command "${command}"; see --help`);
  if (operands.length > 0 && command !== "push") {
    return complain(`unexpected "${operands[0]}" after ${command}; see --help`);
  }
  // A certificate that is being renewed is no reason to end a gateway that works.
  const loaded = readSettings(flags, general.config, command !== "healthcheck");
  if (!loaded.ok) return complain(loaded.faults.join("\n"));
  const { settings } = loaded;
  switch (command) {
    case "check-config": {
      const web = readWebFiles(settings.web);
      if (!web.ok) return complain(web.faults.join("\n"));
      return say(renderEffective(loaded.effective) + renderWebFiles(web.files));
    }
    case "healthcheck":
      return healthcheck(settings.web);
    case "push":
      return push(settings, operands, own.json !== undefined);
    case "load": {
      const options = readLoadOptions(own);
      return typeof options === "string" ? complain(options) : load(settings, options);
    }
    default: {
      const web = readWebFiles(settings.web);
      if (!web.ok) return complain(web.faults.join("\n"));
      return run(loaded, new URL("./worker.ts", import.meta.url));
    }
  }
}

/** What `--embedded` stands for: where senders look for Redis. */
const EMBEDDED_ADDRESS = "127.0.0.1:6379";
const COMMANDS = ["run", "check-config", "healthcheck", "push", "load"];

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(text: string): number {
  process.stderr.write(`${text}\n`);
  return 2;
}

process.exit(await main(process.argv.slice(2)));
