import type { EmbeddedStore } from "../queue/embedded-store.ts";
import type { RequestLimits } from "./request-reader.ts";

/** What all connections share. */
export interface Host {
  store: EmbeddedStore;
  queueKey: string;
  queueKeyBytes: Buffer;
  /** Empty: none is needed. */
  password: string;
  /** Whose commands and words these are. */
  redisVersion: string;
  databases: number;
  clientsMax: number;
  bufferBytesMax: number;
  limits: RequestLimits;
  port: number;
  figures: Figures;
  /** The memory of samples that wait and of requests that have come in part. */
  readonly usedBytes: number;
  /** Bytes of requests that have come in part, over all connections. */
  inputBytes: number;
}

export interface Figures {
  clients: number;
  clientsEver: number;
  clientsRefused: number;
  requests: number;
  protocolErrors: number;
  /** Logins with a wrong user or password. */
  loginsFailed: number;
  /** How often senders had to wait since the buffer was full. */
  pauses: number;
}
