import type { Format } from "../exposition/format.ts";

/** What the server shows. */
export interface Pages {
  /** `isWanted` tells which families; or why there is nothing to show for now. */
  metrics(
    isWanted: (family: string) => boolean,
    format: Format,
  ): Promise<Exposition | { refusal: string }>;
  /** Why the gateway is not ready; undefined when it is. */
  notReadyReason(): string | undefined;
  /** Whether it is not ready because another process works, and it stands by. */
  isStandby(): boolean;
  /** A scrape was answered; `bytes`: before they were compressed. */
  scraped(seconds: number, bytes: number): void;
  refused(reason: RefusalReason): void;
  /** Whether samples wait to be taken: then an answer leaves them most of the time. */
  isBusy(): boolean;
}

export interface Exposition {
  /** In the format that was asked for. Each is the taker's; one that is empty lets others run. */
  chunks: Iterator<Uint8Array>;
  /** Whether what is in it may still be shown; asked before each chunk. */
  isValid(): boolean;
  /** Called when no more chunks are wanted. */
  end(): void;
}

/** Why a scrape was not answered, or not to its end. */
export const REFUSAL_REASONS = ["in_flight", "timeout", "not_ready"] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];
