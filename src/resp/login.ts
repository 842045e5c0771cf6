import { timingSafeEqual } from "node:crypto";
import { excerptOf, type Reply } from "./reply-writer.ts";
import type { Request } from "./request-reader.ts";
import type { Session } from "./session.ts";

/** `HELLO [protocol [AUTH user password] [SETNAME name]]` */
export function hello(session: Session, request: Request): Reply {
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
    else return { error: `ERR Syntax error in HELLO option '${excerptOf(request.text(i))}'` };
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

/** `AUTH [user] password`. Undefined: the client is logged in. */
export function authenticate(session: Session, request: Request): Reply | undefined {
  if (request.count > 3) return SYNTAX_ERROR;
  const hasUser = request.count === 3;
  if (!hasUser && session.host.password === "") return NO_PASSWORD;
  const user = hasUser ? request.text(1) : DEFAULT_USER;
  return logIn(session, user, request.argument(hasUser ? 2 : 1));
}

/** Undefined: the connection has the name. */
export function setName(session: Session, name: string): Reply | undefined {
  if (!/^[!-~]*$/.test(name)) {
    const what = "spaces, newlines or special characters";
    return { error: `ERR Client names cannot contain ${what}.` };
  }
  session.name = name === "" ? null : name;
  return undefined;
}

/** Without a password anyone is let in as the default user, as in Redis. */
function logIn(session: Session, user: string, password: Uint8Array): Reply | undefined {
  const expected = session.host.password;
  const isRight = expected === "" || isEqual(Buffer.from(expected), password);
  if (user !== DEFAULT_USER || !isRight) {
    session.noteWrongLogin();
    return WRONG_PASSWORD;
  }
  session.isLoggedIn = true;
  return undefined;
}

/** Takes the same time however much is right. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  const digest = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest();
  return timingSafeEqual(digest(a), digest(b));
}

const DEFAULT_USER = "default";
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
