import type { Format } from "../exposition/format.ts";
import type { Family } from "../registry/family.ts";
import type { ActivitySnapshot } from "../registry/family-activity.ts";
import type { LabelSet } from "../registry/label-set.ts";
import type { FamilySnapshot, RegistrySnapshot } from "../registry/snapshot.ts";
import type { DropEntry, History, SettingEntry, Status } from "./status-types.ts";

/** What the server shows. */
export interface Pages {
  /** `isWanted` tells which families; or why there is nothing to show for now. */
  metrics(
    isWanted: (family: string) => boolean,
    format: Format,
  ): Promise<Writing | { refusal: string }>;
  /** All families, without their values; or why there is nothing to show for now. */
  families(): Promise<FamilyList | { refusal: string }>;
  /** The families that `isWanted`, or all; or why there is nothing to show for now. */
  totals(isWanted?: (family: string) => boolean): Promise<Totals | { refusal: string }>;
  /** What the gateway is and does. */
  status(): Promise<Status>;
  history(): History;
  /** Most frequent first. */
  drops(): DropEntry[];
  /** Those in force, secrets masked. */
  readonly settings: readonly SettingEntry[];
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

/** Which families there are. What they know of themselves may change while it is read. */
export interface FamilyList {
  /** In the order of their names. */
  families: readonly Family[];
  /** When a series of theirs began, in ms since 1970. */
  createdMs(series: number): number;
  activity: ActivitySnapshot;
  takenAtMs: number;
  /** Whether it may still be shown. */
  isValid(): boolean;
}

/** Families and their values at one moment. */
export interface Totals {
  /** To be released. */
  snapshot: RegistrySnapshot;
  /** When a sample of a series of the snapshot came last, as far as that is noted. */
  lastSeenMs(type: FamilySnapshot["type"], series: number): number | undefined;
  /** Whether it may still be shown. */
  isValid(): boolean;
}

/** An answer that is written piece by piece. */
export interface Writing {
  /** Each is the taker's; one that is empty lets others run. */
  chunks: Iterator<Uint8Array>;
  /** Whether what is in it may still be shown; asked before each chunk. */
  isValid(): boolean;
  /** Called when no more chunks are wanted. */
  end(): void;
}

/** Why a scrape was not answered, or not to its end. */
export const REFUSAL_REASONS = ["in_flight", "timeout", "stuck", "not_ready"] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Why a request, or a connection before it, was not let in. */
const ACCESS_REFUSAL_REASONS = [
  "unauthorized",
  "too_many_failures",
  "logins_waiting",
  "rate_limit",
  "connection_limit",
  "client_certificate",
  "tls_handshake",
] as const;

export type AccessRefusalReason = (typeof ACCESS_REFUSAL_REASONS)[number];

/** And what was wrong with one that was. What the runtime's parser refuses it does not tell. */
export const REQUEST_REFUSAL_REASONS = [
  "bad_request",
  "not_found",
  "method_not_allowed",
  "body_too_large",
  "cross_site",
  "admin_off",
  ...ACCESS_REFUSAL_REASONS,
] as const;

export type RequestRefusalReason = (typeof REQUEST_REFUSAL_REASONS)[number];

/** Who is told what the server meets with. */
export interface WebListener {
  requestRefused(reason: RequestRefusalReason): void;
  /** One for this path met with a bug of ours. */
  requestFailed(path: string, reason: string): void;
  /** One from this address, because of who asks and not of what for. */
  accessRefused(reason: AccessRefusalReason, address: string): void;
  /** `reason` is TLS's or ours; nothing that a client has made stands in it. */
  handshakeFailed(address: string, reason: string): void;
  certificateRefused(address: string, reason: string): void;
  /** The certificate that is shown to clients from now on, and those above it, are good until then, in ms since 1970. */
  certificateServed(untilMs: number): void;
  /** What the files say counts from now on, a certificate until then among it, in ms since 1970. */
  webConfigReloaded(certificateUntilMs: number | undefined): void;
  /** They are wrong, and what they said before goes on counting. */
  webConfigRefused(fault: string): void;
}
