import type { Socket } from "bun";

/** One RESP value as it came, and the bulk strings in it, in order. */
export interface Frame {
  bytes: Buffer;
  bulks: Buffer[];
}

/**
 * One end of a TCP connection that is read value by value, in RESP2 or RESP3. What comes in waits in memory
 * until it is read: a test's replies are bounded, and nobody has to be told to pause.
 */
export class TcpPeer {
  #socket: Socket<TcpPeer>;
  #received: Buffer[] = [];
  /** Received, and not read as yet. */
  #rest: Buffer = Buffer.alloc(0);
  #isClosed = false;
  /** Wakes those that wait for data, for room, or for the end. */
  #change = Promise.withResolvers<void>();

  constructor(socket: Socket<TcpPeer>) {
    this.#socket = socket;
  }

  /** The next value; undefined when the connection has ended. */
  async read(): Promise<Frame | undefined> {
    const parts: Buffer[] = [];
    const bulks: Buffer[] = [];
    for (let left = 1; left > 0; left--) {
      const line = await this.#takeLine();
      if (line === undefined) return undefined;
      parts.push(line);
      const size = Number(line.toString("latin1", 1, line.length - 2));
      // A size of -1 says that there is none.
      if (line[0] === ARRAY) left += Math.max(0, size);
      if (line[0] === MAP) left += size * 2;
      if (line[0] !== BULK_STRING || size < 0) continue;
      const bulk = await this.#take(size + 2);
      if (bulk === undefined) return undefined;
      parts.push(bulk);
      bulks.push(bulk.subarray(0, size));
    }
    return { bytes: Buffer.concat(parts), bulks };
  }

  /** Returns when the socket has taken all, or the connection has ended. */
  async write(bytes: Buffer): Promise<void> {
    let left = bytes;
    while (!this.#isClosed) {
      left = left.subarray(Math.max(0, this.#socket.write(left)));
      if (left.length === 0) return;
      await this.#change.promise;
    }
  }

  /** Takes what comes and forgets it, until the other side ends the connection. */
  async swallow(): Promise<void> {
    while (await this.#fill()) this.#rest = Buffer.alloc(0);
  }

  end(): void {
    this.#socket.end();
  }

  /** For the handlers of the socket. */
  noteData(bytes: Buffer): void {
    this.#received.push(Buffer.from(bytes));
    this.noteChange();
  }

  noteChange(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  noteClose(): void {
    this.#isClosed = true;
    this.noteChange();
  }

  async #takeLine(): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#rest.indexOf("\r\n");
      if (end >= 0) return this.#take(end + 2);
      if (!(await this.#fill())) return undefined;
    }
  }

  async #take(count: number): Promise<Buffer | undefined> {
    while (this.#rest.length < count) {
      if (!(await this.#fill())) return undefined;
    }
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  /** Whether there was more. */
  async #fill(): Promise<boolean> {
    while (this.#received.length === 0) {
      if (this.#isClosed) return false;
      await this.#change.promise;
    }
    this.#rest = Buffer.concat([this.#rest, ...this.#received.splice(0)]);
    return true;
  }
}

const ARRAY = "*".charCodeAt(0);
const MAP = "%".charCodeAt(0);
const BULK_STRING = "$".charCodeAt(0);

/** What makes a socket a `TcpPeer`, in its `data`. */
export const PEER_HANDLER = {
  open: (socket: Socket<TcpPeer>) => {
    socket.setNoDelay(true);
    socket.data = new TcpPeer(socket);
  },
  data: (socket: Socket<TcpPeer>, bytes: Buffer) => socket.data.noteData(bytes),
  drain: (socket: Socket<TcpPeer>) => socket.data.noteChange(),
  close: (socket: Socket<TcpPeer>) => socket.data.noteClose(),
  error: (socket: Socket<TcpPeer>) => socket.data.noteClose(),
};

/** Connects to a port of this machine. Fails when nobody listens there. */
export async function connectPeer(port: number): Promise<TcpPeer> {
  const target = { hostname: "127.0.0.1", port };
  return (await Bun.connect<TcpPeer>({ ...target, socket: PEER_HANDLER })).data;
}
