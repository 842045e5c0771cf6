import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type ListenAddress, listenOn } from "../config/listen-address.ts";
import { openSslReasonOf } from "../config/tls-names.ts";
import type { TlsTerms } from "../config/web-files.ts";
import { firstNameIn, namesOf } from "./certificate-names.ts";
import type { WebListener } from "./pages.ts";

export interface TlsFrontOptions {
  listen: ListenAddress;
  /** The setting that says where, for faults. */
  setting: string;
  /** Asked at each connection: so a new certificate counts for the next one. */
  terms: () => TlsTerms;
  /** Where the server behind it listens, at `BEHIND`. */
  portBehind: number;
  handshakes?: typeof HANDSHAKES;
  /** Of more the one that is silent for longest ends. */
  connectionsMax?: number;
  listener: Pick<WebListener, "handshakeFailed" | "certificateRefused" | "accessRefused">;
}

/** Where the server behind the front listens, and our connections to it come from. */
export const BEHIND = "127.0.0.1";

/** If the process may have so many open: a connection takes three descriptors. */
const CONNECTIONS_MAX = 1000;
/** What the rest of the process may have open. */
const OTHER_DESCRIPTORS = 128;

/** Of handshakes at a time, and of one; of more the oldest is broken off, so that new ones get through. */
const HANDSHAKES = { max: 256, timeoutMs: 10_000 };

const WENT_AWAY = "the client went away";
const GONE = new RegExp(`ECONNRESET|EPIPE|hang up|${WENT_AWAY}`);

/** How long a client may take for the end of its last answer. */
const LINGER_MS = 60_000;

/** Source: `TLSSocket`'s options for a server, of which the types of Bun lack one. */
interface ServerSideOptions {
  isServer: true;
  secureContext: TlsTerms["context"];
  requestCert: boolean;
  rejectUnauthorized: boolean;
  ALPNProtocols: string[];
}

/**
 * Speaks TLS with clients, and plain HTTP with the server behind it: `Bun.serve` shows no client's
 * certificate, and takes no new one of its own while it runs. What is behind accepts only connections that
 * the front has made (`addressOf`).
 */
export class TlsFront {
  readonly #options: TlsFrontOptions;
  readonly #server: Server;
  readonly #limits: typeof HANDSHAKES;
  /** Those that go on, the oldest first, with what breaks them off. */
  readonly #handshakes = new Map<Socket, (reason: string) => void>();
  readonly #sockets = new Set<Socket>();
  readonly #connectionsMax: number;
  /** Those that are made, the one that is silent for longest first, with what ends them. */
  readonly #relays = new Map<Socket, { address: string; end: () => void }>();
  /** Addresses of clients, by the port of our connection to the server behind. */
  readonly #addresses = new Map<number, string>();

  /** Fails when the address cannot be listened on. */
  constructor(options: TlsFrontOptions) {
    this.#options = options;
    this.#limits = options.handshakes ?? HANDSHAKES;
    this.#connectionsMax = options.connectionsMax ?? connectionsMaxOf(openFilesMax());
    const { listen, setting } = options;
    this.#server = listenOn(listen, setting, (hostname) =>
      openServer(hostname, listen.port, (socket) => this.#accept(socket)),
    );
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("BUG: no port");
    return address.port;
  }

  /** Whose connection it is that came to the server behind from there; undefined: not one of ours. */
  addressOf({ address, port }: { address: string; port: number }): string | undefined {
    // Another process may have the same port at another address of this host.
    return address === BEHIND ? this.#addresses.get(port) : undefined;
  }

  /** Takes no new connections; with `force` those that there are end, too. */
  stop(force: boolean): void {
    this.#server.close();
    if (!force) return;
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    const { terms, listener } = this.#options;
    const { context, clientAuth, allowedSans } = terms();
    const address = socket.remoteAddress ?? "";
    const options: ServerSideOptions = {
      isServer: true,
      secureContext: context,
      requestCert: clientAuth !== "NoClientCert",
      rejectUnauthorized: clientAuth === "RequireAndVerifyClientCert",
      ALPNProtocols: ["http/1.1"],
    };
    const secure = new TLSSocket(socket, options as object);
    this.#sockets.add(socket);
    const timer = setTimeout(() => fail("it took too long"), this.#limits.timeoutMs);
    const fail = (reason: string) => {
      if (!this.#endHandshake(socket, timer)) return;
      secure.destroy();
      socket.destroy();
      // Whoever only looks whether the port is open is refused nothing.
      if (GONE.test(reason)) return;
      const isCertificate = options.requestCert && /certificate/i.test(reason);
      if (isCertificate) listener.certificateRefused(address, reason);
      else listener.handshakeFailed(address, reason);
    };
    this.#beginHandshake(socket, fail);
    secure.on("error", (error) => fail(reasonOf(error)));
    socket.on("error", (error) => fail(reasonOf(error)));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      fail(WENT_AWAY);
    });
    secure.on("secure", () => {
      const refusal = certificateFaultOf(secure, clientAuth, allowedSans);
      if (refusal !== undefined) return fail(`certificate: ${refusal}`);
      if (this.#endHandshake(socket, timer)) this.#relay(socket, secure, address);
    });
  }

  /** So that a new one gets through, whoever holds on to old ones. */
  #endSilent(): void {
    const [silent] = this.#relays.values();
    if (silent === undefined) return;
    silent.end();
    this.#options.listener.accessRefused("connection_limit", silent.address);
  }

  #beginHandshake(socket: Socket, fail: (reason: string) => void): void {
    this.#handshakes.set(socket, fail);
    if (this.#handshakes.size <= this.#limits.max) return;
    const [breakOff] = this.#handshakes.values();
    breakOff?.("there were too many");
  }

  /** Whether it was going on still. */
  #endHandshake(socket: Socket, timer: Timer): boolean {
    clearTimeout(timer);
    return this.#handshakes.delete(socket);
  }

  /** Both ways, no faster than the other side takes it. */
  #relay(socket: Socket, secure: TLSSocket, address: string): void {
    const behind = connect({ port: this.#options.portBehind, host: BEHIND });
    let port: number | undefined;
    let lingering: Timer | undefined;
    const end = () => {
      clearTimeout(lingering);
      this.#relays.delete(socket);
      if (port !== undefined) this.#addresses.delete(port);
      behind.destroy();
      secure.destroy();
      socket.destroy();
    };
    const touch = () => {
      if (this.#relays.delete(socket)) this.#relays.set(socket, { address, end });
    };
    this.#relays.set(socket, { address, end });
    if (this.#relays.size > this.#connectionsMax) this.#endSilent();
    behind.on("connect", () => {
      port = behind.localPort;
      if (port === undefined || secure.destroyed) return end();
      this.#addresses.set(port, address);
      secure.on("data", touch).pipe(behind);
      behind.on("data", touch).pipe(secure);
    });
    behind.on("error", end);
    behind.on("close", () => {
      if (!behind.readableEnded) return end();
      // The answer is whole, and the client has still to take the rest of it.
      if (port !== undefined) this.#addresses.delete(port);
      lingering = setTimeout(end, LINGER_MS);
    });
    for (const one of [secure, socket]) one.on("error", end).on("close", end);
  }
}

/** How many connections there may be, where the process may have so many files open. */
export function connectionsMaxOf(openFiles: number): number {
  const free = openFiles - HANDSHAKES.max - OTHER_DESCRIPTORS;
  return Math.min(CONNECTIONS_MAX, Math.max(1, Math.floor(free / 3)));
}

/** Source: proc(5), `/proc/pid/limits`; where there is none, nothing is known of a limit. */
function openFilesMax(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "latin1");
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}

/** Source: `net.Server`, which listens at once, but says later why it could not. */
function openServer(hostname: string, port: number, accept: (socket: Socket) => void): Server {
  const server = createServer(accept);
  server.on("error", () => {});
  server.listen({ port, host: hostname, exclusive: true });
  if (server.listening) return server;
  // This throws with the reason.
  Bun.listen({ hostname, port, exclusive: true, socket: { data: () => {} } }).stop(true);
  throw new Error("the address cannot be listened on");
}

/** What is wrong with the client's certificate beyond what the handshake has seen to. */
function certificateFaultOf(
  secure: TLSSocket,
  clientAuth: TlsTerms["clientAuth"],
  allowedSans: TlsTerms["allowedSans"],
): string | undefined {
  if (clientAuth === "NoClientCert" || clientAuth === "RequestClientCert") return undefined;
  const certificate = secure.getPeerX509Certificate();
  if (certificate === undefined) {
    return clientAuth === "VerifyClientCertIfGiven" ? undefined : "none was shown";
  }
  if (clientAuth !== "RequireAnyClientCert" && !secure.authorized) {
    return `it is not valid (${String(secure.authorizationError)})`;
  }
  if (allowedSans === undefined) return undefined;
  const names = namesOf(certificate.subjectAltName);
  return firstNameIn(names, allowedSans) === undefined ? "no name in it is allowed" : undefined;
}

function reasonOf(error: Error): string {
  return openSslReasonOf(error) ?? error.message;
}
