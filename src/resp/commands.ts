import { timingSafeEqual } from "node:crypto";
import { packElements } from "../queue/elements.ts";
import { renderInfo } from "./info.ts";
import { OK, type Reply } from "./reply-writer.ts";
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
    run: (session, request) => {
      if (request.count > 3) return SYNTAX_ERROR;
      const hasUser = request.count === 3;
      if (!hasUser && session.host.password === "") return NO_PASSWORD;
      const user = hasUser ? request.text(1) : DEFAULT_USER;
      return logIn(session, user, request.argument(hasUser ? 2 : 1)) ?? OK;
    },
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
          return { error: `ERR Unrecognized option '${shown(request.text(2))}'` };
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
      return Object.entries(COMMANDS).map(describe);
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
            pairs: found.map(([name, command]) => [name, document(name, command)] as const),
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
  for (let i = 1; i < request.count && args.length < NAME_SHOWN_MAX; i++) {
    args += `'${shown(request.text(i), NAME_SHOWN_MAX - args.length)}' `;
  }
  const name = shown(request.text(0));
  return { error: `ERR unknown command '${name}', with args beginning with: ${args}` };
}

/** Of a push to a key that nobody takes samples from; undefined for the queue's own. */
export function wrongKey(session: Session, request: Request): Reply | undefined {
  if (isQueue(session, request)) return undefined;
  const { queueKey } = session.host;
  const got = shown(request.text(1));
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
    return { error: `ERR unknown subcommand '${shown(second)}'. ${help}` };
  }
  if (isWrongCount(subcommand, request.count)) {
    return wrongCount(`${name}|${second.toLowerCase()}`);
  }
  return subcommand.run(session, request);
}

function hello(session: Session, request: Request): Reply {
  let { protocol } = session;
  if (request.count > 1) {
    protocol = /^\d{1,5}$/.test(request.text(1)) ? Number(request.text(1)) : Number.NaN;
    if (Number.isNaN(protocol)) {
      return { error: "ERR Protocol version is not an integer or out of range" };
    }
    if (protocol !== 2 && protocol !== 3) {
      return { error: "NOPROTO unsupported protocol version" };
    }
  }
  let [login, name]: [[string, Buffer] | undefined, string | undefined] = [undefined, undefined];
  for (let i = 2; i < request.count; i++) {
    const option = request.text(i).toLowerCase();
    const left = request.count - i - 1;
    if (option === "auth" && left >= 2) login = [request.text(++i), request.argument(++i)];
    else if (option === "setname" && left >= 1) name = request.text(++i);
    else return { error: `ERR Syntax error in HELLO option '${shown(request.text(i))}'` };
  }
  const refusal = login && logIn(session, ...login);
  if (refusal !== undefined) return refusal;
  if (!session.isLoggedIn) return HELLO_NEEDS_LOGIN;
  const fault = name === undefined ? undefined : setName(session, name);
  if (fault !== undefined) return fault;
  session.protocol = protocol;
  return {
    pairs: [
      ["server", "redis"],
      ["version", session.host.redisVersion],
      ["proto", protocol],
      ["id", session.id],
      ["mode", "standalone"],
      ["role", "master"],
      ["modules", []],
    ],
  };
}

/** Without a password anyone is let in as the default user, as in Redis. */
function logIn(session: Session, user: string, password: Uint8Array): Reply | undefined {
  const expected = session.host.password;
  const isRight = expected === "" || isEqual(Buffer.from(expected), password);
  if (user !== DEFAULT_USER || !isRight) return WRONG_PASSWORD;
  session.isLoggedIn = true;
  return undefined;
}

/** Takes the same time however much is right. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  const digest = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function setName(session: Session, name: string): Reply | undefined {
  if (!/^[!-~]*$/.test(name)) {
    const what = "spaces, newlines or special characters";
    return { error: `ERR Client names cannot contain ${what}.` };
  }
  session.name = name === "" ? null : name;
  return undefined;
}

function isQueue(session: Session, request: Request): boolean {
  return request.text(1) === session.host.queueKey;
}

function isThere(session: Session, request: Request, index: number): boolean {
  const { queueKey, store } = session.host;
  return store.length > 0 && request.text(index) === queueKey;
}

/** As `COMMAND` has it in Redis 7. */
function describe([name, command]: [string, Command]): Reply {
  const { arity, flags, keys, subcommands } = command;
  const shownFlags = flags.map((flag) => {
    return { status: flag === "noAuth" ? "no_auth" : flag };
  });
  const inner = Object.entries(subcommands ?? {}).map(([word, { arity }]): Reply => {
    return [`${name}|${word}`, arity, { members: [] }, 0, 0, 0, { members: [] }, [], [], []];
  });
  return [name, arity, { members: shownFlags }, ...keys, { members: [] }, [], [], inner];
}

function document(name: string, { summary, since, group, subcommands }: Command): Reply {
  const inner = Object.entries(subcommands ?? {}).map(([word, { summary, since }]) => {
    return [`${name}|${word}`, { pairs: texts({ summary, since, group }) }] as const;
  });
  const own = texts({ summary, since, group });
  return { pairs: inner.length === 0 ? own : [...own, ["subcommands", { pairs: inner }]] };
}

function texts(pairs: Record<string, string>): [string, Reply][] {
  return Object.entries(pairs);
}

function shown(text: string, lengthMax = NAME_SHOWN_MAX): string {
  return text.slice(0, lengthMax);
}

const DEFAULT_USER = "default";
/** Characters of what a client sent, in an error. */
const NAME_SHOWN_MAX = 128;
const SYNTAX_ERROR: Reply = { error: "ERR syntax error" };
const WRONG_PASSWORD: Reply = {
  error: "WRONGPASS invalid username-password pair or user is disabled.",
};
const NO_PASSWORD: Reply = {
  error:
    "ERR AUTH <password> called without any password configured for the default user. " +
    "Are you sure your configuration is correct?",
};
const HELLO_NEEDS_LOGIN: Reply = {
  error:
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO " +
    "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP " +
    "protocol version at the same time",
};
