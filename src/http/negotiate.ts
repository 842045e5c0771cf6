import { ESCAPING_SCHEMES, type EscapingScheme, type Format } from "../exposition/format.ts";
import { parseQualityList, type QualityItem } from "./quality-list.ts";

const DEFAULT_ESCAPING: EscapingScheme = "underscores";

/**
 * The format that a scraper wants most of those there are; text 0.0.4 when it names none of them.
 *
 * Of equal qualities the first counts. A pattern such as `*` stands for no format, or the `*` that
 * scrapers put last would be as good as what they name. The escaping is that of the format, or else
 * of one that was wanted more: a scraper that says it once means it.
 * `accept`: the header. Never fails. Source: prometheus/common, `NegotiateIncludingOpenMetrics`, which
 * knows no text 1.0.0.
 */
export function negotiateFormat(accept: string | null): Format {
  const wanted = parseQualityList(accept ?? "")
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  let escaping = DEFAULT_ESCAPING;
  for (const { name, parameters } of wanted) {
    if (!MEDIA_RANGE.test(name)) continue;
    const scheme = parameters.get("escaping");
    escaping = ESCAPING_SCHEMES.find((known) => known === scheme) ?? escaping;
    const format = formatOf(name, parameters);
    if (format !== undefined) return { ...format, escaping };
  }
  return { kind: "text", version: "0.0.4", escaping };
}

const MEDIA_RANGE = /^(?:[^/\s]+\/[^/\s]+|\*)$/;

function formatOf(
  name: string,
  parameters: QualityItem["parameters"],
): Pick<Format, "kind" | "version"> | undefined {
  const version = parameters.get("version") ?? "";
  switch (name) {
    case "text/plain":
      if (version === "1.0.0") return { kind: "text", version };
      return ["", "0.0.4"].includes(version) ? { kind: "text", version: "0.0.4" } : undefined;
    case "application/openmetrics-text":
      if (version === "1.0.0") return { kind: "openmetrics", version };
      return ["", "0.0.1"].includes(version)
        ? { kind: "openmetrics", version: "0.0.1" }
        : undefined;
    case "application/vnd.google.protobuf":
      if (parameters.get("proto") !== "io.prometheus.client.MetricFamily") return undefined;
      if (parameters.get("encoding") !== "delimited") return undefined;
      return { kind: "protobuf", version: "" };
    default:
      return undefined;
  }
}

export type Encoding = "identity" | "gzip" | "zstd";

/** The one that takes least time to the last byte comes first: see docs/performance.md. */
const ENCODINGS: readonly Encoding[] = ["zstd", "gzip", "identity"];

/** Less than any that is named. */
const UNNAMED_IDENTITY = Number.MIN_VALUE;

/**
 * The content coding that a scraper wants most of those there are; of equal ones the quickest.
 *
 * Without the header, or when all are excluded, there is none. Never fails.
 * Source: RFC 9110, section 12.5.3.
 */
export function negotiateEncoding(acceptEncoding: string | null): Encoding {
  const wanted = parseQualityList(acceptEncoding ?? "");
  const qualityOf = (coding: string) => wanted.find(({ name }) => name === coding)?.quality;
  const ofOthers = qualityOf("*");
  const qualities: Record<Encoding, number> = {
    zstd: qualityOf("zstd") ?? ofOthers ?? 0,
    // The old name means the same. Source: RFC 9110, section 8.4.1.3.
    gzip: qualityOf("gzip") ?? qualityOf("x-gzip") ?? ofOthers ?? 0,
    identity: qualityOf("identity") ?? ofOthers ?? UNNAMED_IDENTITY,
  };
  let best: Encoding = "identity";
  for (const encoding of ENCODINGS.toReversed()) {
    const quality = qualities[encoding];
    if (quality > 0 && quality >= qualities[best]) best = encoding;
  }
  return best;
}
