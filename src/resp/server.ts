import type { Socket } from "bun";
import { type ListenAddress, listenOn } from "../config/listen-address.ts";
import { BLOCK_ELEMENTS, type EmbeddedStore } from "../queue/embedded-store.ts";
import type { Host } from "./host.ts";
import { ReplyWriter } from "./reply-writer.ts";
import { OUT_OF_MEMORY, PushBatch, Session } from "./session.ts";

export interface RespServerOptions {
  listen: ListenAddress;
  /** Empty: none is needed. */
  password: string;
  queueKey: string;
  /** At least so many databases can be selected. */
  database: number;
  /** Of samples that wait and of requests that have come in part. */
  bufferBytesMax: number;
  store: EmbeddedStore;
  listener: RespListener;
}

export interface RespListener {
  /** No more clients are let in than there may be. */
  clientRefused(clientsMax: number): void;
  /** A client was closed that sent something else than requests, or did not log in. */
  clientClosed(address: string, reason: string): void;
  /** The buffer is full: senders wait until there is room. */
  sendersPaused(usedBytes: number): void;
}

/** Takes what Redis' clients push, for as long as there is room for it. */
export class RespServer implements Host {
  readonly store: EmbeddedStore;
  readonly queueKey: string;
  readonly queueKeyBytes: Buffer;
  readonly password: string;
  readonly redisVersion = REDIS_VERSION;
  readonly databases: number;
  readonly clientsMax = CLIENTS_MAX;
  readonly loginSecondsMax = LOGIN_SECONDS_MAX;
  readonly bufferBytesMax: number;
  readonly limits: Host["limits"];
  readonly figures: Host["figures"] = {
    ...{ clients: 0, clientsEver: 0, clientsRefused: 0 },
    ...{ requests: 0, protocolErrors: 0, loginsFailed: 0, pauses: 0 },
  };
  inputBytes = 0;
  #listener: RespListener;
  #server: Bun.TCPSocketListener<Client | undefined>;
  #clients = new Set<Client>();
  #replies = new ReplyWriter();
  #pushes = new PushBatch();
  /** Whose replies stand in `#replies`, and where they end. */
  #queued: { client: Client; end: number }[] = [];
  #isPaused = false;
  #loginSweep: Timer | undefined;
  /** At more than this much in use senders wait. */
  #loadBytesMax: number;

  /** Fails when the address cannot be listened on. */
  constructor(options: RespServerOptions) {
    const { listen, bufferBytesMax, store } = options;
    this.store = store;
    this.queueKey = options.queueKey;
    this.queueKeyBytes = Buffer.from(options.queueKey);
    this.password = options.password;
    this.databases = Math.max(DATABASES, options.database + 1);
    this.bufferBytesMax = bufferBytesMax;
    // Samples may have half of the buffer. The rest is for the one chunk that comes when they do:
    // for a request that it makes whole, and for the blocks of the samples in it.
    this.#loadBytesMax = Math.floor(bufferBytesMax / 2);
    const requestBytes = Math.min(BULK_BYTES_MAX, Math.floor(bufferBytesMax / 8));
    const blocks = Math.floor(requestBytes / store.blockBytes);
    this.limits = { arguments: blocks * BLOCK_ELEMENTS, bulkBytes: requestBytes, requestBytes };
    this.#listener = options.listener;
    store.onFreed = () => this.#resume();
    if (options.password !== "") this.#loginSweep = setInterval(() => this.#closeStrangers(), 1000);
    this.#server = listenOn(listen, "Embedded.ListenAddress", (hostname) =>
      Bun.listen<Client | undefined>({
        hostname,
        port: listen.port,
        // Without it the port may be shared with whoever has it already.
        exclusive: true,
        socket: {
          open: (socket) => this.#open(socket),
          data: (socket, bytes) => this.#take(socket.data, bytes),
          drain: (socket) => this.#drain(socket.data),
          close: (socket) => this.#end(socket.data),
          error: (socket, error) => this.#fail(socket, error),
        },
      }),
    );
  }

  get port(): number {
    return this.#server.port;
  }

  get usedBytes(): number {
    return this.store.bytes + this.inputBytes;
  }

  /** Takes no more: clients are closed, and what they got no reply for was not taken. */
  stop(): void {
    clearInterval(this.#loginSweep);
    this.#server.stop();
    this.#sendReplies();
    for (const { session, socket } of [...this.#clients]) {
      session.isEnding = true;
      socket.end();
    }
  }

  #open(socket: ClientSocket): void {
    if (this.#clients.size >= this.clientsMax) {
      this.figures.clientsRefused++;
      socket.end("-ERR max number of clients reached\r\n");
      this.#listener.clientRefused(this.clientsMax);
      return;
    }
    socket.setNoDelay(true);
    // A sender whose machine is gone sends nothing more, not even the end.
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const session = new Session(this, ++this.figures.clientsEver);
    const client = { socket, session, unsent: NOTHING, strangeSeconds: 0 };
    socket.data = client;
    this.#clients.add(client);
    this.figures.clients = this.#clients.size;
    if (this.#isPaused) socket.pause();
  }

  #take(client: Client | undefined, bytes: Buffer): void {
    if (client === undefined || client.session.isEnding) return;
    const { session, socket } = client;
    session.take(bytes, this.#replies, this.#pushes);
    free(bytes);
    this.#queueReplies(client);
    if (session.isEnding) this.#close(client);
    else if (this.#loadBytes > this.#loadBytesMax) this.#pause();
    else if (this.#isPaused) socket.pause();
  }

  /**
   * Replies go out some together, at the latest when all that has come is taken: who runs the clients
   * is woken less often then, and they have something to do meanwhile.
   */
  #queueReplies(client: Client): void {
    const end = this.#replies.length;
    const last = this.#queued[this.#queued.length - 1]?.end ?? 0;
    if (end === last) return;
    if (last === 0) setImmediate(() => this.#sendReplies());
    this.#queued.push({ client, end });
    if (this.#queued.length === REPLIES_TOGETHER) this.#sendReplies();
  }

  #sendReplies(): void {
    const bytes = this.#replies.take();
    let start = 0;
    for (const { client, end } of this.#queued.splice(0)) {
      this.#send(client, bytes, start, end);
      start = end;
    }
  }

  /** Replies in order; while they do not go out, nothing more is read. */
  #send(client: Client, bytes: Buffer, start: number, end: number): void {
    const { socket, unsent } = client;
    const sent = unsent.length > 0 ? 0 : Math.max(0, socket.write(bytes, start, end - start));
    if (sent === end - start) return;
    client.unsent = Buffer.concat([unsent, bytes.subarray(start + sent, end)]);
    socket.pause();
  }

  #drain(client: Client | undefined): void {
    if (client === undefined || client.unsent.length === 0) return;
    const sent = Math.max(0, client.socket.write(client.unsent));
    client.unsent = client.unsent.subarray(sent);
    if (client.unsent.length > 0) return;
    if (client.session.isEnding) client.socket.end();
    else if (!this.#isPaused) client.socket.resume();
  }

  /** Each second: who does not log in must not keep the place of one who would. */
  #closeStrangers(): void {
    // Nobody is heard now.
    if (this.#isPaused) return;
    for (const client of this.#clients) {
      const { session, socket } = client;
      if (session.isLoggedIn || ++client.strangeSeconds <= this.loginSecondsMax) continue;
      this.#clients.delete(client);
      session.fault = `no login within ${this.loginSecondsMax} s`;
      session.end();
      this.#listener.clientClosed(socket.remoteAddress, session.fault);
      socket.terminate();
    }
    this.figures.clients = this.#clients.size;
  }

  /** Closes behind the last reply. */
  #close(client: Client): void {
    const { session, socket } = client;
    if (session.fault !== undefined) {
      this.#listener.clientClosed(socket.remoteAddress, session.fault);
    }
    this.#sendReplies();
    if (client.unsent.length === 0) socket.end();
  }

  #end(client: Client | undefined): void {
    if (client === undefined) return;
    this.#clients.delete(client);
    this.figures.clients = this.#clients.size;
    client.session.end();
    if (this.#isPaused) this.#resume();
  }

  /** What the system says of a connection has a code; anything else is a bug of ours, to be seen. */
  #fail(socket: ClientSocket, error: Error): void {
    socket.terminate();
    if (!("code" in error)) throw error;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.figures.pauses++;
    this.#listener.sendersPaused(this.usedBytes);
    for (const { socket } of this.#clients) socket.pause();
    // There may be nothing in the store whose end could wake us.
    setImmediate(() => this.#resume());
  }

  /** Goes on when a quarter is free: less would be a pause for each chunk. */
  #resume(): void {
    if (!this.#isPaused) return;
    const isFull = () => this.#loadBytes > this.#loadBytesMax * 0.75;
    // When no sample waits, requests that have come in part fill the memory: nothing else would end.
    while (this.store.isEmpty && isFull()) this.#refuseLargest();
    if (isFull()) return;
    this.#isPaused = false;
    for (const client of this.#clients) {
      if (client.unsent.length === 0 && !client.session.isEnding) client.socket.resume();
    }
  }

  /** What is in use of the memory. */
  get #loadBytes(): number {
    return this.store.bytes - this.store.roomBytes + this.inputBytes;
  }

  #refuseLargest(): void {
    let largest: Client | undefined;
    for (const client of this.#clients) {
      const { inputBytes } = client.session;
      if (inputBytes > (largest?.session.inputBytes ?? 0)) largest = client;
    }
    if (largest === undefined) throw new Error("BUG: memory is full of nothing");
    this.#clients.delete(largest);
    largest.session.end();
    this.#replies.write(OUT_OF_MEMORY, largest.session.protocol);
    this.#queueReplies(largest);
    this.#close(largest);
  }
}

type ClientSocket = Socket<Client | undefined>;

interface Client {
  socket: ClientSocket;
  session: Session;
  /** Replies that the socket has not taken. */
  unsent: Buffer;
  /** How long it could have logged in, and did not. */
  strangeSeconds: number;
}

/** At once: left to the collector, each chunk would be new memory. */
function free({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

const NOTHING = Buffer.alloc(0);
/** The version whose commands and words these are. */
const REDIS_VERSION = "7.2.0";
const DATABASES = 16;
const REPLIES_TOGETHER = 8;
const CLIENTS_MAX = 10_000;
const LOGIN_SECONDS_MAX = 10;
const KEEP_ALIVE_MS = 300_000;
const BULK_BYTES_MAX = 512 * 1024 * 1024;
