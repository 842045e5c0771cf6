import type { Command } from "./commands.ts";
import type { Reply } from "./reply-writer.ts";

/** As `COMMAND` has it in Redis 7. */
export function describeCommand([name, command]: [string, Command]): Reply {
  const { arity, flags, keys, subcommands } = command;
  const shownFlags = flags.map((flag) => {
    return { status: flag === "noAuth" ? "no_auth" : flag };
  });
  const inner = Object.entries(subcommands ?? {}).map(([word, { arity }]): Reply => {
    return [`${name}|${word}`, arity, { members: [] }, 0, 0, 0, { members: [] }, [], [], []];
  });
  return [name, arity, { members: shownFlags }, ...keys, { members: [] }, [], [], inner];
}

/** As `COMMAND DOCS` has it. */
export function documentCommand(
  name: string,
  { summary, since, group, subcommands }: Command,
): Reply {
  const inner = Object.entries(subcommands ?? {}).map(([word, { summary, since }]) => {
    return [`${name}|${word}`, { pairs: texts({ summary, since, group }) }] as const;
  });
  const own = texts({ summary, since, group });
  return { pairs: inner.length === 0 ? own : [...own, ["subcommands", { pairs: inner }]] };
}

function texts(pairs: Record<string, string>): [string, Reply][] {
  return Object.entries(pairs);
}
