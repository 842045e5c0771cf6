import type { Socket } from "bun";
import { EmbeddedStore } from "../../src/queue/embedded-store.ts";
import { RespServer, type RespServerOptions } from "../../src/resp/server.ts";

export const RESP_KEY = "queue";

const MIB = 1024 * 1024;

type Ends = (() => unknown)[];

/** What a test's client sent, and what came of it. */
export interface RespClient {
  socket: Socket<undefined>;
  /** All that it was sent, byte for byte. */
  received(): string;
  isClosed(): boolean;
  /** Sends all, as fast as the other side takes it; returns before that. */
  send(text: string | Buffer): void;
}

/** A server without a gateway behind it. `ends` gets what ends it. */
export function serveResp(ends: Ends, options: Partial<RespServerOptions> = {}) {
  const events: string[] = [];
  const store = new EmbeddedStore();
  const server = new RespServer({
    listen: { hostname: "127.0.0.1", port: 0 },
    password: "",
    queueKey: RESP_KEY,
    database: 0,
    bufferBytesMax: 64 * MIB,
    store,
    listener: {
      clientRefused: () => void events.push("refused"),
      clientClosed: (_, reason) => void events.push(reason),
      sendersPaused: () => void events.push("paused"),
    },
    ...options,
  });
  ends.push(() => server.stop());
  return { server, store, events };
}

/** Connects to a port of this machine; `ends` gets what ends it. */
export async function connectResp(ends: Ends, port: number): Promise<RespClient> {
  let received = "";
  let isClosed = false;
  let unsent: Buffer = Buffer.alloc(0);
  const flush = () => {
    if (isClosed || unsent.length === 0) return;
    unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
  };
  const socket: Socket<undefined> = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => {
        received += bytes.toString("latin1");
      },
      drain: flush,
      close: () => {
        isClosed = true;
      },
    },
  });
  ends.push(() => socket.terminate());
  return {
    socket,
    received: () => received,
    isClosed: () => isClosed,
    send: (text) => {
      unsent = Buffer.concat([unsent, Buffer.from(text)]);
      flush();
    },
  };
}

/** A request as clients send it. */
export function request(...words: (string | Buffer)[]): Buffer {
  const parts = words.map((word) => {
    const bytes = Buffer.from(word);
    return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]);
  });
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}
