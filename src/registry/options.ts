import type { FamilyLimits } from "./family.ts";

export interface RegistryOptions {
  /** Label names in order in the exposition; otherwise as first sent. */
  sortIncomingLabels: boolean;
  /** Whether what has changed is taken with `writeChanges`. */
  isJournaled: boolean;
  /** Series over all families, and in each; 0 means no limit. */
  maxSeries: number;
  maxSeriesPerFamily: number;
  /** What becomes of a sample that would make one series more. */
  onLimit: "drop" | "overflow";
  /** A series that was silent for so long ends; 0: never. */
  seriesTtlSeconds: number;
  /** What the settings say of single families. */
  families: FamilySettings | undefined;
  /** Whether a sample name belongs to the gateway's own families. */
  isReservedName: (name: string) => boolean;
  listener: RegistryListener;
}

export interface FamilySettings {
  limitsOf(family: string): FamilyLimits;
  /** Whether some family has a `ttlSeconds`. */
  hasLifetimes: boolean;
}

export interface RegistryListener {
  /** A sample brings buckets or quantiles that differ from its family's own; told once a family. */
  otherLayoutMet(family: string): void;
  /** A sample found no room for a series of its own. */
  seriesLimited(family: string): void;
}
