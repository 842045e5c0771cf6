import { COMMANDS, isWrongCount, unknownCommand, wrongCount, wrongKey } from "./commands.ts";
import type { Host } from "./host.ts";
import { OK, type Reply, type ReplyWriter } from "./reply-writer.ts";
import { ProtocolError, type Request, RequestReader } from "./request-reader.ts";

/**
 * One client's connection, without its socket: takes the bytes that came, writes the replies.
 *
 * Samples that stand in one chunk are put into the store together. What of a chunk is no whole
 * request yet waits here.
 */
export class Session {
  readonly id: number;
  readonly host: Host;
  isLoggedIn: boolean;
  /** 2 or 3. */
  protocol = 2;
  name: string | null = null;
  /** Whether the connection is to be closed behind the last reply. */
  isEnding = false;
  /** Why, when that is for what the client did. */
  fault: string | undefined;
  #wrongLogins = 0;
  #reader: RequestReader;
  /** Whether the last request of more than two words pushed samples onto the queue. */
  #isPush = false;
  #transaction: Transaction | undefined;
  #rest: Buffer = NOTHING;
  #filled = 0;
  /** Our part of `host.inputBytes`. */
  #charged = 0;

  constructor(host: Host, id: number) {
    this.host = host;
    this.id = id;
    this.isLoggedIn = host.password === "";
    this.#reader = new RequestReader(host.limits, !this.isLoggedIn);
  }

  /** The memory that requests take which have come in part. */
  get inputBytes(): number {
    return this.#charged;
  }

  /** Handles all whole requests of what came before and of `chunk`, which is not kept. */
  take(chunk: Buffer, replies: ReplyWriter, pushes: PushBatch): void {
    if (this.#filled > 0) this.#append(chunk);
    const input = this.#filled > 0 ? this.#rest.subarray(0, this.#filled) : chunk;
    if (input.length < this.#reader.needed) return;
    let at = 0;
    pushes.bytes = input;
    try {
      while (at < input.length && !this.isEnding && this.#reader.read(input, at)) {
        this.#handle(at, replies, pushes);
        at += this.#reader.length;
        this.#reader.next();
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      replies.write({ error: `ERR Protocol error: ${error.message}` }, this.protocol);
      this.#breakOff(error.message);
    }
    pushes.flush(this.host.store);
    this.#keep(input, this.isEnding ? input.length : at);
  }

  begin(): Reply {
    if (this.#transaction !== undefined) return { error: "ERR MULTI calls can not be nested" };
    this.#transaction = { requests: [], bytes: 0, isAborted: false };
    return OK;
  }

  execute(): Reply {
    const transaction = this.#transaction;
    if (transaction === undefined) return { error: "ERR EXEC without MULTI" };
    this.#transaction = undefined;
    if (transaction.isAborted) return ABORTED;
    return transaction.requests.map((request) => this.#run(request));
  }

  discard(): Reply | undefined {
    if (this.#transaction === undefined) return { error: "ERR DISCARD without MULTI" };
    this.#transaction = undefined;
    return undefined;
  }

  reset(): void {
    this.#transaction = undefined;
    this.protocol = 2;
    this.name = null;
    this.isLoggedIn = this.host.password === "";
  }

  /** The connection has ended: what came in part is void. */
  end(): void {
    this.isEnding = true;
    this.#transaction = undefined;
    this.#keep(NOTHING, 0);
  }

  /** A client that is set up wrongly gives up at the first; who goes on guesses, and is closed. */
  noteWrongLogin(): void {
    this.host.figures.loginsFailed++;
    if (++this.#wrongLogins < WRONG_LOGINS_MAX) return;
    this.fault = `${WRONG_LOGINS_MAX} wrong passwords`;
    this.isEnding = true;
  }

  #handle(at: number, replies: ReplyWriter, pushes: PushBatch): void {
    const reader = this.#reader;
    const { host } = this;
    if (reader.count === 0) return;
    host.figures.requests++;
    const isLong = reader.count > 2;
    if (isLong && !reader.isSameHead) this.#isPush = isPushOf(reader, host);
    if (isLong && this.#isPush && this.isLoggedIn && this.#transaction === undefined) {
      pushes.add(reader, at, host.store);
      replies.integer(host.store.length + pushes.count);
      return;
    }
    pushes.flush(host.store);
    const reply = this.#answer(reader);
    if (reply !== undefined) replies.write(reply, this.protocol);
    reader.isAnonymous = !this.isLoggedIn;
  }

  #answer(request: Request): Reply | undefined {
    const name = request.text(0).toLowerCase();
    if (OTHER_PROTOCOLS.has(name)) {
      this.#breakOff("it speaks HTTP");
      return undefined;
    }
    const refusal = this.#refusal(name, request);
    const transaction = this.#transaction;
    if (transaction === undefined || NEVER_QUEUED.has(name)) return refusal ?? this.#run(request);
    if (refusal === undefined) {
      const kept = new KeptRequest(request);
      transaction.bytes += kept.bytes;
      if (transaction.bytes <= this.host.limits.requestBytes) {
        transaction.requests.push(kept);
        return { status: "QUEUED" };
      }
      transaction.requests = [];
    }
    transaction.isAborted = true;
    return refusal ?? OUT_OF_MEMORY;
  }

  #refusal(name: string, request: Request): Reply | undefined {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) return unknownCommand(request);
    if (isWrongCount(command, request.count)) return wrongCount(name);
    const { flags } = command;
    if (!this.isLoggedIn && !flags.includes("noAuth")) return NEEDS_LOGIN;
    return flags.includes("write") ? wrongKey(this, request) : undefined;
  }

  #run(request: Request): Reply {
    return COMMANDS[request.text(0).toLowerCase()].run(this, request);
  }

  #breakOff(fault: string): void {
    this.host.figures.protocolErrors++;
    this.fault = fault;
    this.isEnding = true;
  }

  #append(chunk: Buffer): void {
    const needed = this.#filled + chunk.length;
    if (needed > this.#rest.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#rest.length * 2));
      grown.set(this.#rest.subarray(0, this.#filled));
      this.#rest = grown;
      this.#charge();
    }
    this.#rest.set(chunk, this.#filled);
    this.#filled = needed;
  }

  /** Keeps what of `input` stands behind `at`. */
  #keep(input: Buffer, at: number): void {
    const wasFilled = this.#filled > 0;
    const left = input.length - at;
    if (left === 0) {
      if (wasFilled) this.#reader.release();
      this.#filled = 0;
      this.#rest = NOTHING;
    } else if (!wasFilled) {
      this.#rest = Buffer.allocUnsafeSlow(Math.max(left, REST_BYTES_MIN));
      this.#rest.set(input.subarray(at));
      this.#filled = left;
    } else if (at > 0) {
      this.#rest.copyWithin(0, at, this.#filled);
      this.#filled = left;
    }
    if (left > 0 || this.#charged > 0 || this.#transaction !== undefined) this.#charge();
  }

  #charge(): void {
    const columns = this.#filled > 0 ? this.#reader.starts.byteLength * 2 : 0;
    const bytes = this.#rest.length + columns + (this.#transaction?.bytes ?? 0);
    this.host.inputBytes += bytes - this.#charged;
    this.#charged = bytes;
  }
}

/** Samples of one chunk on their way into the store; the same one for all connections. */
export class PushBatch {
  /** The chunk. */
  bytes: Buffer = NOTHING;
  count = 0;
  #starts = new Uint32Array(BATCH_MAX);
  #ends = new Uint32Array(BATCH_MAX);

  /** Adds the values of a push that begins at `at`. */
  add(reader: RequestReader, at: number, store: Host["store"]): void {
    const values = reader.count - 2;
    if (reader.bytes !== this.bytes || values > BATCH_MAX) {
      this.flush(store);
      const starts = reader.starts.subarray(2, reader.count);
      const ends = reader.ends.subarray(2, reader.count);
      store.append({ bytes: reader.bytes.subarray(reader.base), starts, ends, count: values });
      return;
    }
    if (this.count + values > BATCH_MAX) this.flush(store);
    let { count } = this;
    for (let i = 2; i < reader.count; i++, count++) {
      this.#starts[count] = at + reader.starts[i];
      this.#ends[count] = at + reader.ends[i];
    }
    this.count = count;
  }

  flush(store: Host["store"]): void {
    const { bytes, count } = this;
    if (count > 0) store.append({ bytes, starts: this.#starts, ends: this.#ends, count });
    this.count = 0;
  }
}

interface Transaction {
  requests: KeptRequest[];
  bytes: number;
  isAborted: boolean;
}

/** A request of a transaction, which is run later. */
class KeptRequest implements Request {
  readonly count: number;
  readonly bytes: number;
  #arguments: Buffer[] = [];

  constructor(request: Request) {
    this.count = request.count;
    let bytes = 0;
    for (let i = 0; i < request.count; i++) {
      const argument = Buffer.from(request.argument(i));
      this.#arguments.push(argument);
      bytes += argument.length + ARGUMENT_BYTES;
    }
    this.bytes = bytes;
  }

  argument(index: number): Buffer {
    return this.#arguments[index];
  }

  text(index: number): string {
    return this.#arguments[index].toString();
  }
}

/** Whether a request pushes samples onto the queue. */
function isPushOf({ bytes, base, starts, ends }: RequestReader, host: Host): boolean {
  if (ends[0] - starts[0] !== PUSH.length + 1) return false;
  const name = base + starts[0];
  const side = bytes[name] | LOWER_CASE;
  if (side !== LEFT && side !== RIGHT) return false;
  for (let i = 0; i < PUSH.length; i++) {
    if ((bytes[name + 1 + i] | LOWER_CASE) !== PUSH[i]) return false;
  }
  const { queueKeyBytes } = host;
  const key = base + starts[1];
  if (ends[1] - starts[1] !== queueKeyBytes.length) return false;
  for (let i = 0; i < queueKeyBytes.length; i++) {
    if (bytes[key + i] !== queueKeyBytes[i]) return false;
  }
  return true;
}

const PUSH = Buffer.from("push");
const LEFT = "l".charCodeAt(0);
const RIGHT = "r".charCodeAt(0);
const LOWER_CASE = 0x20;
const NOTHING = Buffer.alloc(0);
/** Samples that go into the store at a time. */
const BATCH_MAX = 4096;
const REST_BYTES_MIN = 512;
const WRONG_LOGINS_MAX = 3;
/** What an argument that is kept takes besides its bytes, about. */
const ARGUMENT_BYTES = 100;
/** First words of HTTP: a browser that was sent here by a page must not push. */
const OTHER_PROTOCOLS = new Set(["post", "host:"]);
const NEVER_QUEUED = new Set(["exec", "discard", "multi", "quit", "reset"]);
const NEEDS_LOGIN: Reply = { error: "NOAUTH Authentication required." };
const ABORTED: Reply = { error: "EXECABORT Transaction discarded because of previous errors." };
export const OUT_OF_MEMORY: Reply = {
  error: "OOM command not allowed when used memory > 'maxmemory'.",
};
