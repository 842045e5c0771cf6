import { until } from "./until.ts";

/** A connection to an HTTP server that sends what a test says, byte for byte. */
export interface RawHttp {
  /** All that came, each byte a character. */
  received(): string;
  /** The status of each answer that came. */
  statuses(): number[];
  /** Whether the other side has closed it. */
  isClosed(): boolean;
  /** Sends all, as fast as the other side takes it; returns before that. */
  send(bytes: string | Uint8Array): void;
  end(): void;
}

export interface RawHttpOptions {
  /** Takes nothing of what comes. */
  isStuck?: boolean;
}

/** Connects to a port of this machine. */
export async function connectRaw(
  port: number,
  { isStuck = false }: RawHttpOptions = {},
): Promise<RawHttp> {
  let received = "";
  let isClosed = false;
  let unsent: Uint8Array = new Uint8Array(0);
  const flush = () => {
    if (isClosed || unsent.length === 0) return;
    unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
  };
  const close = () => {
    isClosed = true;
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (opened) => {
        if (isStuck) opened.pause();
      },
      data: (_, bytes) => {
        received += bytes.toString("latin1");
      },
      drain: flush,
      close,
      error: close,
    },
  });
  return {
    received: () => received,
    statuses: () => statusesOf(received),
    isClosed: () => isClosed,
    send: (bytes) => {
      unsent = Buffer.concat([unsent, Buffer.from(bytes as string, "latin1")]);
      flush();
    },
    end: () => socket.terminate(),
  };
}

/**
 * Sends bytes on a connection of their own, and gives the statuses of all answers, once there are so many.
 * `isClosed`: the other side is to close it behind them. Else one more request has shown, by its answer,
 * which is left out, that nothing of what was sent is left in the connection.
 */
export async function exchange(
  port: number,
  bytes: string,
  { answers, isClosed }: { answers: number; isClosed: boolean },
): Promise<number[]> {
  const connection = await connectRaw(port);
  connection.send(bytes);
  const hasAll = () => connection.isClosed() || connection.statuses().length >= answers;
  await until("all is answered", hasAll);
  if (!isClosed) connection.send(LAST);
  await until("the connection is closed", connection.isClosed);
  const statuses = connection.statuses();
  return isClosed ? statuses : statuses.slice(0, -1);
}

const LAST = "GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}
