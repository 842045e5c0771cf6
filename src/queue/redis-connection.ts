import { tracingChannel } from "node:diagnostics_channel";
import { Redis, type RedisOptions } from "ioredis";
import type { RedisConnection } from "../config/connection-string.ts";
import type { RedisAccess } from "../config/redis-access.ts";
import { QueueError } from "./queue.ts";
import { RedisCredentials } from "./redis-credentials.ts";
import { commandAt } from "./redis-scripts.ts";

/** Which Redis, and what of it. Plain data: it crosses threads. */
export interface RedisTarget {
  connection: RedisConnection;
  access: RedisAccess;
  database: number;
  queueKey: string;
  gatewayId: string;
}

/** Who hears of a connection's fate. Repeats are the hearer's to swallow. */
export interface ConnectionListener {
  connected(): void;
  failed(reason: string): void;
  /** Files with credentials were read anew: from now on they count. */
  credentialsChanged?(): void;
  /** They cannot be used; what they held before is shown on. */
  credentialsRefused?(reason: string): void;
}

tellTracing();

/** What writing meets where the other side has closed. What it said before is lost then (Bun 1.4.5). */
const SHUT = ["EPIPE", "ECONNRESET"];
const SHUT_REASON =
  "it hangs up before it answers: does it want TLS, is it in protected mode, or full of clients?";

const COMMAND_TIMEOUT_MS = 5000;
const RECONNECT_DELAY_MS = { first: 50, most: 2000 };

/**
 * Opens a connection that keeps itself open. A command fails at once while it is down: whoever
 * sent it decides what to do.
 *
 * One node is enough on Redis Cluster, since all our keys share a slot: `MOVED` names the node that
 * has it, and the connection goes there. Of several endpoints the next one is tried after a
 * failure, and when it is a replica, which would answer reads with what it has.
 */
export function connectRedis(
  target: RedisTarget,
  role: string,
  listener: ConnectionListener,
  overrides: RedisOptions = {},
): Redis {
  const { connection } = target;
  let endpoint = 0;
  let moved: { host: string; port: number } | undefined;
  const credentials = new RedisCredentials(connection, target.access);
  const reread = () => {
    const found = credentials.reread();
    if (found.kind === "changed") listener.credentialsChanged?.();
    if (found.kind === "refused") listener.credentialsRefused?.(found.reason);
    return credentials.options;
  };
  const redis = new Redis({
    ...endpointOptions(connection),
    ...reread(),
    db: target.database,
    connectTimeout: connection.connectTimeoutMs,
    connectionName: `${connection.clientName ?? "prom-stream-gateway"}:${role}`,
    protocol: 2,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // A connection that swallows commands is given up: a new one may work.
    socketTimeout: COMMAND_TIMEOUT_MS,
    blockingTimeout: COMMAND_TIMEOUT_MS,
    blockingTimeoutGrace: COMMAND_TIMEOUT_MS,
    retryStrategy: (times) => {
      if (connection.sentinelName === undefined) {
        const next = moved ?? connection.endpoints[endpoint++ % connection.endpoints.length];
        moved = undefined;
        redis.options.host = next.host;
        redis.options.port = next.port;
      }
      // ioredis looks at its options at each attempt.
      Object.assign(redis.options, reread());
      return reconnectDelayMs(times);
    },
    sentinelRetryStrategy: (times) => {
      Object.assign(redis.options, reread());
      return reconnectDelayMs(times);
    },
    reconnectOnError: (error) => {
      moved = movedTo(error.message) ?? moved;
      return moved !== undefined || error.message.startsWith("READONLY");
    },
    ...overrides,
  });
  if (connection.sentinelName === undefined) refuseReplicas(redis);
  let lastError: string | undefined;
  redis.on("ready", () => {
    lastError = undefined;
    listener.connected();
  });
  redis.on("error", (error: Error) => {
    lastError = describeFailure(redis, error);
    listener.failed(lastError);
  });
  redis.on("close", () => listener.failed(lastError ?? "connection closed"));
  return redis;
}

/**
 * Says whether somebody traces, as Node does. Bun 1.4.5 does not (oven-sh/bun#27805), and ioredis then
 * writes down each command for nobody, all its arguments as text: a checkpoint's megabytes, too.
 */
function tellTracing(): void {
  const prototype = Object.getPrototypeOf(tracingChannel("ioredis:command")) as object;
  if ("hasSubscribers" in prototype) return;
  Object.defineProperty(prototype, "hasSubscribers", {
    get(this: ReturnType<typeof tracingChannel>) {
      const isTraced = this.start.hasSubscribers || this.end.hasSubscribers;
      const isAwaited = this.asyncStart.hasSubscribers || this.asyncEnd.hasSubscribers;
      return isTraced || isAwaited || this.error.hasSubscribers;
    },
  });
}

/**
 * Lets a connection to a replica fail before a command is sent. Where Sentinel names the master,
 * ioredis does so by itself, by the method that is replaced here: it gets what INFO says.
 */
function refuseReplicas(redis: Redis): void {
  const { connector } = redis as unknown as { connector: { check(info: ServerInfo): boolean } };
  connector.check = (info) => {
    // A node of a cluster says itself where to go.
    if (info.role !== "slave" || info.redis_mode === "cluster") return true;
    const { host, port } = redis.options;
    redis.emit("error", new Error(`READONLY ${host}:${port} is a replica`));
    return false;
  };
}

interface ServerInfo {
  role?: string;
  redis_mode?: string;
}

/**
 * Waits until a connection can take commands. Fails with what the next attempt to connect fails
 * with, or after the time that a command may take.
 */
export async function untilReady(redis: Redis): Promise<void> {
  if (redis.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer);
      redis.off("ready", onReady).off("error", onError).off("close", onClose);
      settle();
    };
    const fail = (reason: string) => end(() => reject(new QueueError("unavailable", reason)));
    const onReady = () => end(resolve);
    const onError = (error: Error) => fail(describeFailure(redis, error));
    const onClose = () => fail("connection closed");
    const timer = setTimeout(() => fail("no connection yet"), COMMAND_TIMEOUT_MS);
    redis.on("ready", onReady).on("error", onError).on("close", onClose);
  });
}

/** What a call to Redis failed with, as the queue's own error. */
export function toQueueError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const message = describeDenial(describeError(error));
  if (message.startsWith("CROSSSLOT")) {
    const remedy = "on Redis Cluster Redis.DeadLetterKey must have the queue's hash tag";
    return new QueueError("unavailable", `${message}: ${remedy}`, error);
  }
  if (message.startsWith("NOTOWNER")) return new QueueError("not_owner", message, error);
  if (message.startsWith("STATELOST")) return new QueueError("state_lost", message, error);
  if (message.startsWith("STATEOLD")) return new QueueError("state_old", message, error);
  if (message.startsWith("NEWFORMAT")) return new QueueError("damaged", message, error);
  return new QueueError("unavailable", message, error);
}

function endpointOptions({ sentinelName, endpoints }: RedisConnection): RedisOptions {
  if (sentinelName === undefined) return { host: endpoints[0].host, port: endpoints[0].port };
  return { sentinels: endpoints, name: sentinelName };
}

function reconnectDelayMs(times: number): number {
  const delay = Math.min(
    RECONNECT_DELAY_MS.first * 2 ** Math.min(times, 10),
    RECONNECT_DELAY_MS.most,
  );
  return Math.ceil(delay * (0.5 + Math.random() / 2));
}

/** `MOVED 3999 127.0.0.1:6381` */
function movedTo(message: string): { host: string; port: number } | undefined {
  const match = /^MOVED \d+ (.*):(\d+)$/.exec(message);
  return match && match[1] !== "" ? { host: match[1], port: Number(match[2]) } : undefined;
}

/** What the user may not do. Redis names the command itself, but not where a script called it. */
function describeDenial(message: string): string {
  const remedy = "; the README's section on Redis has the ACL of a gateway";
  if (message.startsWith("NOPERM ")) return message + remedy;
  if (!message.includes("The user executing the script can't run this command")) return message;
  const place = /(?:script: |f_)([0-9a-f]{40})\b.*@user_script: ?(\d+)/.exec(message);
  const command = place?.[1] === undefined ? undefined : commandAt(place[1], Number(place[2]));
  if (command === undefined) return message + remedy;
  return `NOPERM this user has no permissions to run the '${command}' command in a script${remedy}`;
}

function describeFailure(redis: Redis, error: Error): string {
  const isShut = SHUT.includes((error as NodeJS.ErrnoException).code ?? "");
  return isShut && redis.status !== "ready" ? SHUT_REASON : describeError(error);
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== "") return describeAlert(error.message) ?? error.message;
  // A failed connection to a name with several addresses has its message inside.
  const inner = (error as { errors?: unknown[] }).errors?.[0];
  return inner instanceof Error ? inner.message : ((error as { code?: string }).code ?? error.name);
}

/** `...:TLSV1_ALERT_CERTIFICATE_REQUIRED`: what the other side of TLS has against us. */
function describeAlert(message: string): string | undefined {
  const alert = /:(?:SSLV3|TLSV1)_ALERT_(\w+)$/.exec(message)?.[1];
  if (alert === "CERTIFICATE_REQUIRED") {
    return "it asks for a certificate: set Redis.TlsCertificateFile and Redis.TlsKeyFile";
  }
  // Of an older TLS, which has no alert of its own for a certificate that is missing.
  if (alert === "HANDSHAKE_FAILURE") return `${message}: does it ask for a certificate?`;
  // A decrypt error: another authority of the same name has signed it.
  if (alert === undefined || !/CERTIFICATE|UNKNOWN_CA|DECRYPT_ERROR/.test(alert)) return undefined;
  const what = alert.toLowerCase().replaceAll("_", " ");
  return `it refuses the certificate of Redis.TlsCertificateFile: ${what}`;
}
