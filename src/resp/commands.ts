import { packElements } from "../queue/elements.ts";
import { describeCommand, documentCommand } from "./command-docs.ts";
import { renderInfo } from "./info.ts";
import { authenticate, hello, setName } from "./login.ts";
import { EXCERPT_LENGTH, excerptOf, OK, type Reply } from "./reply-writer.ts";
import type { Request } from "./request-reader.ts";
import type { Session } from "./session.ts";

/** What a command is: names, arguments and summaries are Redis'. */
export interface Command {
  /** Words of the request; at least so many when negative. */
  arity: number;
  since: string;
  group: "connection" | "generic" | "list" | "server" | "transactions";
  summary: string;
  /** `noAuth`: before the login, too. */
  flags: readonly ("write" | "readonly" | "fast" | "noAuth")[];
  /** Where keys stand: first, last (from the end when negative), step. */
  keys: readonly [first: number, last: number, step: number];
  /** Commands by their second word. */
  subcommands?: Record<string, Subcommand>;
  run(session: Session, request: Request): Reply;
}

type Subcommand = Pick<Command, "arity" | "since" | "summary" | "run">;

const NO_KEYS = [0, 0, 0] as const;

/** All that is known, by the name in lower case. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  lpush: {
    ...{ arity: -3, since: "1.0.0", group: "list", flags: ["write", "fast"], keys: [1, 1, 1] },
    summary: "Takes samples.",
    run: push,
  },
  rpush: {
    ...{ arity: -3, since: "1.0.0", group: "list", flags: ["write", "fast"], keys: [1, 1, 1] },
    summary: "Takes samples, as LPUSH does: they count in the order in which they come.",
    run: push,
  },
  llen: {
    ...{ arity: 2, since: "1.0.0", group: "list", flags: ["readonly", "fast"], keys: [1, 1, 1] },
    summary: "Returns how many samples wait.",
    run: (session, request) => (isQueue(session, request) ? session.host.store.length : 0),
  },
  exists: {
    ...{ arity: -2, since: "1.0.0", group: "generic" },
    ...{ flags: ["readonly", "fast"], keys: [1, -1, 1] },
    summary: "Returns how many of the keys exist.",
    run: (session, request) => {
      let found = 0;
      for (let i = 1; i < request.count; i++) if (isThere(session, request, i)) found++;
      return found;
    },
  },
  type: {
    ...{ arity: 2, since: "1.0.0", group: "generic", flags: ["readonly", "fast"], keys: [1, 1, 1] },
    summary: "Returns the type of a key.",
    run: (session, request) => ({ status: isThere(session, request, 1) ? "list" : "none" }),
  },
  ping: {
    ...{ arity: -1, since: "1.0.0", group: "connection", flags: ["fast"], keys: NO_KEYS },
    summary: "Returns PONG, or its argument.",
    run: (_, request) => {
      if (request.count > 2) return wrongCount("ping");
      return request.count === 2 ? request.argument(1) : { status: "PONG" };
    },
  },
  echo: {
    ...{ arity: 2, since: "1.0.0", group: "connection", flags: ["fast"], keys: NO_KEYS },
    summary: "Returns its argument.",
    run: (_, request) => request.argument(1),
  },
  auth: {
    ...{ arity: -2, since: "1.0.0", group: "connection", keys: NO_KEYS },
    flags: ["fast", "noAuth"],
    summary: "Logs in.",
    run: (session, request) => authenticate(session, request) ?? OK,
  },
  hello: {
    ...{ arity: -1, since: "6.0.0", group: "connection", keys: NO_KEYS },
    flags: ["fast", "noAuth"],
    summary: "Says who the server is; takes protocol version, login and name.",
    run: hello,
  },
  select: {
    ...{ arity: 2, since: "1.0.0", group: "connection", flags: ["fast"], keys: NO_KEYS },
    summary: "Takes a database; all of them have the same queue.",
    run: (session, request) => {
      const text = request.text(1);
      if (!/^-?\d{1,10}$/.test(text))
        return { error: "ERR value is not an integer or out of range" };
      const isKnown = Number(text) >= 0 && Number(text) < session.host.databases;
      return isKnown ? OK : { error: "ERR DB index is out of range" };
    },
  },
  client: {
    ...{ arity: -2, since: "2.4.0", group: "connection", flags: [], keys: NO_KEYS },
    summary: "Tells of the connection.",
    run: runSubcommand,
    subcommands: {
      setname: {
        ...{ arity: 3, since: "2.6.9", summary: "Names the connection." },
        run: (session, request) => setName(session, request.text(2)) ?? OK,
      },
      getname: {
        ...{ arity: 2, since: "2.6.9", summary: "Returns the connection's name." },
        run: (session) => session.name,
      },
      id: {
        ...{ arity: 2, since: "5.0.0", summary: "Returns the connection's number." },
        run: (session) => session.id,
      },
      setinfo: {
        ...{ arity: 4, since: "7.2.0", summary: "Takes the name or version of a library." },
        run: (_, request) => {
          const option = request.text(2).toLowerCase();
          if (option === "lib-name" || option === "lib-ver") return OK;
          return { error: `ERR Unrecognized option '${excerptOf(request.text(2))}'` };
        },
      },
    },
  },
  info: {
    ...{ arity: -1, since: "1.0.0", group: "server", flags: [], keys: NO_KEYS },
    summary: "Tells of the server.",
    run: (session, request) => {
      const sections = [];
      for (let i = 1; i < request.count; i++) sections.push(request.text(i).toLowerCase());
      return renderInfo(session.host, sections);
    },
  },
  command: {
    ...{ arity: -1, since: "2.8.13", group: "server", flags: [], keys: NO_KEYS },
    summary: "Lists the commands.",
    run: (session, request) => {
      if (request.count > 1) return runSubcommand(session, request);
      return Object.entries(COMMANDS).map(describeCommand);
    },
    subcommands: {
      count: {
        ...{ arity: 2, since: "2.8.13", summary: "Returns the number of commands." },
        run: () => Object.keys(COMMANDS).length,
      },
      docs: {
        ...{ arity: -2, since: "7.0.0", summary: "Tells what commands do." },
        run: (_, request) => {
          const all = Object.entries(COMMANDS);
          const wanted: string[] = [];
          for (let i = 2; i < request.count; i++) wanted.push(request.text(i).toLowerCase());
          const found = all.filter(([name]) => wanted.length === 0 || wanted.includes(name));
          return {
            pairs: found.map(([name, command]) => [name, documentCommand(name, command)] as const),
          };
        },
      },
    },
  },
  config: {
    ...{ arity: -2, since: "2.0.0", group: "server", flags: [], keys: NO_KEYS },
    summary: "There are no parameters of Redis.",
    run: runSubcommand,
    subcommands: {
      get: {
        ...{ arity: -3, since: "2.0.0", summary: "Returns parameters: none." },
        run: () => ({ pairs: [] }),
      },
    },
  },
  multi: {
    ...{ arity: 1, since: "1.2.0", group: "transactions", keys: NO_KEYS },
    flags: ["fast"],
    summary: "Begins a transaction.",
    run: (session) => session.begin(),
  },
  exec: {
    ...{ arity: 1, since: "1.2.0", group: "transactions", flags: [], keys: NO_KEYS },
    summary: "Runs the commands of the transaction.",
    run: (session) => session.execute(),
  },
  discard: {
    ...{ arity: 1, since: "2.0.0", group: "transactions", flags: ["fast"], keys: NO_KEYS },
    summary: "Gives the transaction up.",
    run: (session) => session.discard() ?? OK,
  },
  reset: {
    ...{ arity: 1, since: "6.2.0", group: "connection", keys: NO_KEYS },
    flags: ["fast", "noAuth"],
    summary: "Makes the connection as it was at its beginning.",
    run: (session) => {
      session.reset();
      return { status: "RESET" };
    },
  },
  quit: {
    ...{ arity: -1, since: "1.0.0", group: "connection", keys: NO_KEYS },
    flags: ["fast", "noAuth"],
    summary: "Closes the connection.",
    run: (session) => {
      session.isEnding = true;
      return OK;
    },
  },
};

/** Whether so many words are too many or too few. */
export function isWrongCount({ arity }: Pick<Command, "arity">, count: number): boolean {
  return arity >= 0 ? count !== arity : count < -arity;
}

export function wrongCount(name: string): Reply {
  return { error: `ERR wrong number of arguments for '${name}' command` };
}

export function unknownCommand(request: Request): Reply {
  let args = "";
  for (let i = 1; i < request.count && args.length < EXCERPT_LENGTH; i++) {
    args += `'${excerptOf(request.text(i), EXCERPT_LENGTH - args.length)}' `;
  }
  const name = excerptOf(request.text(0));
  return { error: `ERR unknown command '${name}', with args beginning with: ${args}` };
}

/** Of a push to a key that nobody takes samples from; undefined for the queue's own. */
export function wrongKey(session: Session, request: Request): Reply | undefined {
  if (isQueue(session, request)) return undefined;
  const { queueKey } = session.host;
  const got = excerptOf(request.text(1));
  return {
    error: `ERR samples are taken on key '${queueKey}' only (Redis.MetricQueueKey), got '${got}'`,
  };
}

/** Samples that stand in a transaction; all others are taken by the session itself. */
function push(session: Session, request: Request): Reply {
  const { store } = session.host;
  const elements: Buffer[] = [];
  for (let i = 2; i < request.count; i++) elements.push(request.argument(i));
  store.append(packElements(elements));
  return store.length;
}

function runSubcommand(session: Session, request: Request): Reply {
  const name = request.text(0).toLowerCase();
  const second = request.text(1);
  const subcommand = Object.entries(COMMANDS[name].subcommands ?? {}).find(
    ([known]) => known === second.toLowerCase(),
  )?.[1];
  if (subcommand === undefined) {
    const help = `Try ${name.toUpperCase()} HELP.`;
    return { error: `ERR unknown subcommand '${excerptOf(second)}'. ${help}` };
  }
  if (isWrongCount(subcommand, request.count)) {
    return wrongCount(`${name}|${second.toLowerCase()}`);
  }
  return subcommand.run(session, request);
}

function isQueue(session: Session, request: Request): boolean {
  return request.text(1) === session.host.queueKey;
}

function isThere(session: Session, request: Request, index: number): boolean {
  const { queueKey, store } = session.host;
  return store.length > 0 && request.text(index) === queueKey;
}
