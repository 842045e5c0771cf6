import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueueKeys } from "../src/queue/queue-keys.ts";
import {
  type EmbeddedProcess,
  type GatewayProcess,
  QUEUE_KEY,
  startEmbedded,
  startGateway,
} from "../test/support/gateway-process.ts";
import { type RedisServer, startRedis } from "../test/support/redis-server.ts";
import { writeMixFile } from "./mix.ts";

export const KEYS = new QueueKeys(QUEUE_KEY, "default");

/** A child process of ours that works until it is told to stop. */
export interface LongChild<T> {
  pid: number;
  /** Resolves with the first line that the child prints. */
  firstLine: Promise<string>;
  /** Tells it to stop, by closing its input, and returns what it reports. */
  stop(): Promise<T>;
}

/**
 * What the rows measure with: a Redis of the bench's own, gateways, and child processes. It ends
 * all of them, whatever happens. Children also end by themselves when their input closes, as it
 * does when the bench is killed.
 */
export class Rig {
  readonly isQuick: boolean;
  /** The load tool's mix, a message a line: the same for all rows and children. */
  readonly mixFile: string;
  #redis: RedisServer;
  #folder: string;
  /** Also those that are just being started, so that none is left behind. */
  #ends = new Set<() => Promise<void>>();
  #isEnding = false;

  private constructor(isQuick: boolean, redis: RedisServer, folder: string) {
    this.isQuick = isQuick;
    this.#redis = redis;
    this.#folder = folder;
    this.mixFile = join(folder, "mix.jsonl");
  }

  static async start(isQuick: boolean): Promise<Rig> {
    const redis = await startRedis();
    const rig = new Rig(isQuick, redis, mkdtempSync(join(tmpdir(), "gateway-bench-")));
    writeMixFile(rig.mixFile);
    return rig;
  }

  get redis(): RedisServer["client"] {
    return this.#redis.client;
  }

  get redisPort(): number {
    return this.#redis.port;
  }

  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** `full` samples, series or pushes; a quarter of it for a quick run. */
  size(full: number): number {
    return this.isQuick ? full / 4 : full;
  }

  /** The compiled binary, ended at the end of the run if not before. */
  startGateway(...flags: string[]): Promise<GatewayProcess> {
    return this.#keep(() => startGateway(this.redisPort, flags));
  }

  /** The same with an embedded queue. */
  startEmbedded(...flags: string[]): Promise<EmbeddedProcess> {
    return this.#keep(() => startEmbedded(flags));
  }

  async #keep<G extends GatewayProcess>(start: () => Promise<G>): Promise<G> {
    this.#refuseWhenEnding();
    const starting = start();
    const end = async () => {
      this.#ends.delete(end);
      await starting.then(
        (gateway) => gateway.stop(),
        () => {},
      );
    };
    this.#ends.add(end);
    const gateway = await starting;
    return { ...gateway, stop: end };
  }

  /** Starts a process that is killed at the end of the run if it has not ended. */
  spawn(command: readonly string[], cwd = this.#folder): Bun.Subprocess<"pipe", "pipe", "inherit"> {
    this.#refuseWhenEnding();
    const child = Bun.spawn([...command], {
      cwd,
      env: { PATH: process.env.PATH },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const end = async () => {
      child.kill("SIGKILL");
      await child.exited;
    };
    this.#ends.add(end);
    void child.exited.then(() => this.#ends.delete(end));
    return child;
  }

  /** Runs a script of `bench/` to its end and returns what it prints, one line of JSON. */
  async runChild<T>(script: string, options: unknown): Promise<T> {
    const child = this.spawn(scriptCommand(script, options));
    return parseReport<T>(script, await new Response(child.stdout).text(), await child.exited);
  }

  /** Starts a script of `bench/` that works until its input closes. */
  startChild<T>(script: string, options: unknown): LongChild<T> {
    const child = this.spawn(scriptCommand(script, options));
    const first = Promise.withResolvers<string>();
    const output = (async () => {
      let text = "";
      const decoder = new TextDecoder();
      for await (const chunk of child.stdout) {
        text += decoder.decode(chunk, { stream: true });
        const end = text.indexOf("\n");
        if (end >= 0) first.resolve(text.slice(0, end));
      }
      first.resolve("");
      return text;
    })();
    return {
      pid: child.pid,
      firstLine: first.promise,
      stop: async () => {
        await child.stdin.end();
        return parseReport<T>(script, await output, await child.exited);
      },
    };
  }

  /** Ends gateways and children, and forgets the queue and what gateways keep. Templates stay. */
  async clear(): Promise<void> {
    await this.#endAll();
    const keys = await this.redis.keys(`*${QUEUE_KEY}*`);
    if (keys.length > 0) await this.redis.unlink(...keys);
  }

  /** May be called twice: after a signal by those who unwind as well. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#endAll();
    await this.#redis.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #refuseWhenEnding(): void {
    if (this.#isEnding) throw new Error("bench: ended by a signal");
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#ends].map((end) => end()));
  }
}

function scriptCommand(script: string, options: unknown): string[] {
  return [process.execPath, join(import.meta.dir, script), JSON.stringify(options)];
}

function parseReport<T>(script: string, output: string, code: number): T {
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  if (code !== 0 || last === "") throw new Error(`bench: ${script} ended with ${code}: ${last}`);
  return JSON.parse(last) as T;
}
