/** What stands on the command line. */
export interface Arguments {
  /** `run` when none is named. */
  command: string;
  /** What follows the command, without flags. */
  operands: string[];
  /** `--name=value` and `--name value`, in order; a flag without a value has "". */
  flags: { name: string; value: string }[];
}

/** Flags that never take the next word as their value. */
const SWITCHES = new Set(["help", "version", "json", "embedded"]);

/** Splits the words of a command line. After `--` all words are operands. */
export function parseArguments(words: readonly string[]): Arguments {
  const operands: string[] = [];
  const flags: Arguments["flags"] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === "--") {
      operands.push(...words.slice(i + 1));
      break;
    }
    if (word === "-h") flags.push({ name: "help", value: "" });
    else if (!word.startsWith("--")) operands.push(word);
    else if (word.includes("=")) {
      const equals = word.indexOf("=");
      flags.push({ name: word.slice(2, equals), value: word.slice(equals + 1) });
    } else {
      const name = word.slice(2);
      const takesNext =
        !SWITCHES.has(name) && i + 1 < words.length && !words[i + 1].startsWith("--");
      flags.push({ name, value: takesNext ? words[++i] : "" });
    }
  }
  const command = operands.shift() ?? "run";
  return { command, operands, flags };
}

/** Takes the flags of the given names out of `flags`; of a repeated one the last counts. */
export function takeFlags<N extends string>(
  flags: Arguments["flags"],
  names: readonly N[],
): Partial<Record<N, string>> {
  const taken: Partial<Record<N, string>> = {};
  for (let i = flags.length - 1; i >= 0; i--) {
    const name = names.find((known) => known === flags[i].name);
    if (name === undefined) continue;
    taken[name] ??= flags[i].value;
    flags.splice(i, 1);
  }
  return taken;
}
