/** How names that the legacy rule does not allow are shown. Source: Prometheus, "Escaping schemes". */
export const ESCAPING_SCHEMES = ["allow-utf-8", "underscores", "dots", "values"] as const;

export type EscapingScheme = (typeof ESCAPING_SCHEMES)[number];

/** A format of the exposition, as it was negotiated. */
export interface Format {
  kind: "text" | "openmetrics" | "protobuf";
  /** Text: 0.0.4 or 1.0.0; OpenMetrics: 0.0.1 or 1.0.0; protobuf: empty. */
  version: string;
  escaping: EscapingScheme;
}

/** What `Content-Type` says of it. Source: client_golang, `expfmt`. */
export function contentTypeOf({ kind, version, escaping }: Format): string {
  switch (kind) {
    case "text":
      return `text/plain; version=${version}; charset=utf-8; escaping=${escaping}`;
    case "openmetrics":
      return `application/openmetrics-text; version=${version}; charset=utf-8; escaping=${escaping}`;
    case "protobuf":
      return `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=${escaping}`;
  }
}
