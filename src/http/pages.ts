import type { Format } from "../exposition/format.ts";
import type { LabelSet } from "../registry/label-set.ts";
import type { RegistrySnapshot } from "../registry/snapshot.ts";

/** What the server shows. */
export interface Pages {
  /** `isWanted` tells which families; or why there is nothing to show for now. */
  metrics(
    isWanted: (family: string) => boolean,
    format: Format,
  ): Promise<Exposition | { refusal: string }>;
  /**
   * All families as they are, to be released; `isValid` tells whether that may still be shown. Or why
   * there is nothing to show for now.
   */
  totals(): Promise<{ snapshot: RegistrySnapshot; isValid(): boolean } | { refusal: string }>;
  /** What the gateway is and does, fit for JSON. */
  status(): object;
  /** Whether series may be ended on demand. */
  readonly isAdminEnabled: boolean;
  /** Ends the series that `isMeant`: how many, once that is certain; or why it is not. */
  removeSeries(
    isMeant: (family: string, labels: LabelSet) => boolean,
  ): Promise<{ count: number } | { refusal: string }>;
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
