import { createHash } from "node:crypto";
import {
  ACQUIRE,
  CLAIM,
  COMMIT,
  INSPECT,
  RELEASE,
  RENEW,
  WRITE_ENTRY,
} from "../../src/queue/redis-scripts.ts";
import { connectPeer, PEER_HANDLER, type TcpPeer } from "./tcp-peer.ts";

const SCRIPTS = {
  acquire: ACQUIRE,
  renew: RENEW,
  release: RELEASE,
  claim: CLAIM,
  inspect: INSPECT,
  "write entry": WRITE_ENTRY,
  commit: COMMIT,
};

/** A script by what it does, all else by its name, `CLIENT` with its sub-command. */
export type Command =
  | keyof typeof SCRIPTS
  | "HMGET"
  | "LRANGE"
  | "BLMOVE"
  | "LLEN"
  | "LPUSH"
  | "INFO"
  | "CLIENT SETNAME";

/**
 * - `cut before`: the connection ends before the request has reached Redis.
 * - `cut after`: Redis has answered; the connection ends, and the answer with it.
 * - `cut within`: the same, but half of the answer comes.
 * - `delay`: the answer comes later by `DELAY_MS`.
 * - `black hole`: the request and all after it vanish, and the connection stays open.
 * - `drip`: request and reply come byte by byte.
 */
export const FAULTS = [
  "cut before",
  "cut after",
  "cut within",
  "delay",
  "black hole",
  "drip",
] as const;

export type Fault = (typeof FAULTS)[number];

/** A fault that waits for requests, and what came of it. */
export interface ArmedFault {
  readonly command: Command;
  readonly fault: Fault;
  /** How many requests it still waits for. */
  left: number;
  /** How many it has happened to. */
  hits: number;
  /** How many connections the gateway has ended that were a black hole. */
  givenUp: number;
}

/** A place for each request that Redis has not answered, in order. */
type Unanswered = (ArmedFault | undefined)[];

type End = "cut" | "left";

/** Redis answers all before it, and ends the connection. */
const QUIT = Buffer.from("*1\r\n$4\r\nQUIT\r\n");
const DELAY_MS = 300;
/** Of a larger message the rest comes at once: a MiB, byte by byte, would outlast any timeout. */
const DRIPPED_BYTES_MAX = 200;

/**
 * Stands between a gateway and Redis, knows every request, and hurts those that a test names:
 * `arm("claim", "cut after", 2)` loses the answers to the next two claims.
 */
export class HurtingProxy {
  #redisPort: number;
  #armed: ArmedFault[] = [];
  #gateways = new Set<TcpPeer>();
  /** Fulfilled while messages come through. */
  #link = Promise.withResolvers<void>();
  #listener: Bun.TCPSocketListener<TcpPeer>;

  constructor(redisPort: number) {
    this.#redisPort = redisPort;
    this.#link.resolve();
    const open: typeof PEER_HANDLER.open = (socket) => {
      PEER_HANDLER.open(socket);
      void this.#serve(socket.data);
    };
    const socket = { ...PEER_HANDLER, open };
    this.#listener = Bun.listen<TcpPeer>({ hostname: "127.0.0.1", port: 0, socket });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Hurts the next `times` requests of a command, on whatever connections they come. */
  arm(command: Command, fault: Fault, times = 1): ArmedFault {
    const armed = { command, fault, left: times, hits: 0, givenUp: 0 };
    this.#armed.push(armed);
    return armed;
  }

  /** From now on nothing comes through, and no connection ends. */
  holdLink(): void {
    this.#link = Promise.withResolvers();
  }

  /** All comes through again; what was held comes late, as TCP sends anew what was not received. */
  healLink(): void {
    this.#link.resolve();
  }

  /** Ends all connections. */
  stop(): void {
    this.#listener.stop(true);
    for (const gateway of this.#gateways) gateway.end();
    this.healLink();
  }

  async #serve(gateway: TcpPeer): Promise<void> {
    this.#gateways.add(gateway);
    const redis = await connectPeer(this.#redisPort).catch(() => undefined);
    if (redis !== undefined) {
      const unanswered: Unanswered = [];
      const answered = this.#forwardReplies(redis, gateway, unanswered);
      const requested = this.#forwardRequests(gateway, redis, unanswered);
      const end = await Promise.race([requested, answered]);
      if (end === "left") {
        // What the gateway sent before takes effect, in spite of all.
        await redis.write(QUIT);
        await answered;
      }
    }
    gateway.end();
    redis?.end();
    this.#gateways.delete(gateway);
  }

  /** Returns why the connection is to end: it is `cut`, or the gateway has `left` it. */
  async #forwardRequests(gateway: TcpPeer, redis: TcpPeer, unanswered: Unanswered): Promise<End> {
    for (;;) {
      const request = await gateway.read();
      await this.#link.promise;
      if (request === undefined) return "left";
      // Somebody takes this port for that of a gateway which had it before.
      if (request.bulks.length === 0) return "cut";
      const armed = this.#takeArmed(commandOf(request.bulks));
      if (armed?.fault === "cut before") {
        armed.hits++;
        return "cut";
      }
      if (armed?.fault === "black hole") {
        armed.hits++;
        await gateway.swallow();
        armed.givenUp++;
        return "cut";
      }
      unanswered.push(armed);
      await (armed?.fault === "drip" ? drip(redis, request.bytes) : redis.write(request.bytes));
    }
  }

  async #forwardReplies(redis: TcpPeer, gateway: TcpPeer, unanswered: Unanswered): Promise<End> {
    for (;;) {
      const reply = await redis.read();
      if (reply === undefined) return "cut";
      const armed = unanswered.shift();
      if (armed !== undefined) armed.hits++;
      if (armed?.fault === "cut within") {
        await gateway.write(reply.bytes.subarray(0, Math.ceil(reply.bytes.length / 2)));
      }
      if (armed?.fault.startsWith("cut")) return "cut";
      if (armed?.fault === "delay") await Bun.sleep(DELAY_MS);
      await this.#link.promise;
      await (armed?.fault === "drip" ? drip(gateway, reply.bytes) : gateway.write(reply.bytes));
    }
  }

  #takeArmed(command: string): ArmedFault | undefined {
    const armed = this.#armed.find((each) => each.command === command && each.left > 0);
    if (armed !== undefined) armed.left--;
    return armed;
  }
}

/** By its text, which ioredis sends first on a connection, and by its hash, which it sends then. */
const COMMAND_OF_SCRIPT = new Map(
  Object.entries(SCRIPTS).flatMap(([command, text]) => [
    [text, command],
    [createHash("sha1").update(text).digest("hex"), command],
  ]),
);

function commandOf([name, argument]: Buffer[]): string {
  const command = name.toString().toUpperCase();
  if (command === "CLIENT") return `CLIENT ${argument.toString().toUpperCase()}`;
  if (command !== "EVAL" && command !== "EVALSHA") return command;
  return COMMAND_OF_SCRIPT.get(argument.toString()) ?? command;
}

async function drip(peer: TcpPeer, bytes: Buffer): Promise<void> {
  const dripped = Math.min(bytes.length, DRIPPED_BYTES_MAX);
  for (let i = 0; i < dripped; i++) {
    await peer.write(bytes.subarray(i, i + 1));
    // The other side reads before there is more.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await peer.write(bytes.subarray(dripped));
}
