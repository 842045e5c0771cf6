import * as v from "valibot";
import type { LineCounter } from "yaml";
import { ciphersOf, curvesOf, TLS_VERSIONS, type TlsVersion } from "./tls-names.ts";

/** Whether clients show a certificate, and which. Source: Go's `crypto/tls`, "ClientAuthType". */
export const CLIENT_AUTH_TYPES = [
  "NoClientCert",
  "RequestClientCert",
  "RequireAnyClientCert",
  "VerifyClientCertIfGiven",
  "RequireAndVerifyClientCert",
] as const;

export type ClientAuthType = (typeof CLIENT_AUTH_TYPES)[number];

/** Where PEM comes from: the file itself, or another one; `field` names it. */
export type PemSource = { field: string } & ({ pem: string } | { path: string });

/** What a `web-config.yml` says. Source: exporter-toolkit, "Web configuration". */
export interface WebConfig {
  tls: TlsConfig | undefined;
  /** Of each answer. */
  headers: readonly (readonly [name: string, value: string])[];
  /** bcrypt hashes by user. */
  users: ReadonlyMap<string, string>;
  rateLimit: { intervalMs: number; burst: number } | undefined;
}

export interface TlsConfig {
  certificate: PemSource;
  key: PemSource;
  clientCa: PemSource | undefined;
  clientAuth: ClientAuthType;
  allowedSans: ReadonlySet<string> | undefined;
  minVersion: TlsVersion;
  maxVersion: TlsVersion;
  /** As OpenSSL names them; undefined: the runtime's. */
  ciphers: string | undefined;
  prefersOwnOrder: boolean;
  curves: string | undefined;
}

export type WebConfigParsed = { ok: true; config: WebConfig } | { ok: false; faults: string[] };

/** Which headers may be set, and to what; undefined: to anything. Source: exporter-toolkit. */
const HEADERS: Record<string, readonly string[] | undefined> = {
  "Content-Security-Policy": undefined,
  "Strict-Transport-Security": undefined,
  "X-Content-Type-Options": ["nosniff"],
  "X-Frame-Options": ["deny", "sameorigin"],
  "X-XSS-Protection": undefined,
};

const BCRYPT_HASH = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** A dearer one would hold up all others for seconds. */
const BCRYPT_COST_MAX = 18;

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Parses a `web-config.yml`. Fields that are not known, and keys that stand twice, are faults, as in
 * Prometheus. Faults name the field or the line; none shows a hash, a key or a part of the file.
 */
export function parseWebConfig(text: string): WebConfigParsed {
  // Loaded with the first file: a start without one would take some milliseconds longer.
  const { LineCounter, parseDocument } = require("yaml") as typeof import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // What `!!set` and `!!omap` make of fields are none to read: nobody would be kept out by them.
    resolveKnownTags: false,
  });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) return fail(broken.map((fault) => lineFault(fault, lines)));
  let content: unknown;
  try {
    content = document.toJS();
  } catch {
    return fail(["web config: the file has too many aliases, or a wrong one"]);
  }
  // What is being written is empty for a moment: it must not mean that everybody may come in.
  if (content === null) return fail(["web config: the file must not be empty; {} says nothing"]);
  const result = v.safeParse(FILE, content);
  if (!result.success) return fail(result.issues.map(fieldFault));
  const { tls_server_config, http_server_config, basic_auth_users, rate_limit } = result.output;
  const tls = composeTls(tls_server_config ?? {});
  if ("faults" in tls) return fail(tls.faults);
  const { interval, burst } = rate_limit ?? {};
  // Prometheus' would answer nothing at all.
  if (interval && !burst) return fail(["web config: rate_limit.burst must be 1 or more"]);
  const config = {
    tls: tls.config,
    headers: Object.entries(http_server_config?.headers ?? {}).filter(([, value]) => value !== ""),
    users: new Map(Object.entries(basic_auth_users ?? {})),
    rateLimit: interval && burst ? { intervalMs: interval, burst } : undefined,
  };
  return { ok: true, config };
}

function fail(faults: string[]): WebConfigParsed {
  return { ok: false, faults };
}

function lineFault(fault: { code: string; pos: [number, number] }, lines: LineCounter): string {
  const what = fault.code.toLowerCase().replaceAll("_", " ");
  return `web config: the file is no valid YAML in line ${lines.linePos(fault.pos[0]).line}: ${what}`;
}

function fieldFault(issue: v.BaseIssue<unknown>): string {
  const path = issue.path?.map(({ key }) => shownKey(String(key))).join(".");
  return `web config: ${path ?? "the file"} ${issue.message}`;
}

function shownKey(key: string): string {
  const shown = /^[\w.@-]{0,40}/.exec(key)?.[0] ?? "";
  return shown.length < key.length ? `${shown}...` : shown;
}

const text = v.string("must be a text");
const flag = v.pipe(
  v.unknown(),
  v.transform((word) => String(word).toLowerCase()),
  // As YAML 1.1 has them, which Prometheus reads.
  v.picklist(["true", "false", "yes", "no", "on", "off"], "must be true or false"),
  v.transform((word) => ["true", "yes", "on"].includes(word)),
);

/** A text out of a finite list, which is named if it is none of it. */
function oneOf<const T extends string>(names: readonly T[], named: readonly string[] = names) {
  const form = `must be ${named.slice(0, -1).join(", ")} or ${named.at(-1)}`;
  return v.picklist(names, ({ input }: { input: unknown }) => `${form}, got ${shownValue(input)}`);
}

function shownValue(value: unknown): string {
  if (typeof value !== "string") return "no text";
  return value.length > 40 ? JSON.stringify(`${value.slice(0, 40)}...`) : JSON.stringify(value);
}

function section<const E extends v.ObjectEntries>(entries: E) {
  const names = Object.keys(entries).join(", ");
  return v.pipe(
    v.unknown(),
    v.check((value) => !Array.isArray(value), "must have fields"),
    v.strictObject(entries, ({ expected }) =>
      expected === "never" ? `is no field; there are ${names}` : "must have fields",
    ),
  );
}

/** Names that OpenSSL has for those in the list; empty: none of its own. */
function named(translate: (name: string) => string | undefined, what: string) {
  return v.pipe(
    v.array(
      v.pipe(
        text,
        v.check(
          (name) => translate(name) !== undefined,
          ({ input }) => `must be ${what}, got ${shownValue(input)}`,
        ),
      ),
      "must be a list",
    ),
    v.transform((names) => names.map((name) => translate(name)!).filter((name) => name !== "")),
  );
}

/** Not a record of the library's: that leaves out a user `constructor`. */
function entries(check: (name: string, value: unknown) => string | undefined) {
  return v.pipe(
    v.custom<Record<string, string>>(
      (value) => typeof value === "object" && value !== null && !Array.isArray(value),
      "must be names with a text each",
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const input = dataset.value;
      for (const [key, value] of Object.entries(input)) {
        const message = check(key, value);
        const at = { type: "object" as const, origin: "value" as const, input, key, value };
        if (message !== undefined) addIssue({ message, path: [at] });
      }
    }),
  );
}

const headers = entries((name, value) => {
  if (!Object.hasOwn(HEADERS, name)) {
    return `cannot be set; there are ${Object.keys(HEADERS).join(", ")}`;
  }
  if (typeof value !== "string") return "must be a text";
  const allowed = HEADERS[name];
  if (allowed !== undefined && !["", ...allowed].includes(value)) {
    return `must be ${allowed.join(" or ")}, got ${shownValue(value)}`;
  }
  return /^[\x20-\x7e]*$/.test(value) ? undefined : "must be one line of ASCII";
});

const users = entries((name, hash) => {
  if (name.includes(":")) return "must not have a colon in its name";
  const cost = typeof hash === "string" ? BCRYPT_HASH.exec(hash)?.[1] : undefined;
  if (cost === undefined)
    return "must be a bcrypt hash ($2a$, $2b$ or $2y$): htpasswd -nBC 10 USER";
  if (Number(cost) >= 4 && Number(cost) <= BCRYPT_COST_MAX) return undefined;
  return `must be a bcrypt hash of a cost of 4..${BCRYPT_COST_MAX}, got ${Number(cost)}`;
});

const duration = v.pipe(
  v.union([v.literal(0), text], "must be a duration such as 1s"),
  v.transform((value) => (value === 0 ? "0s" : value)),
  v.regex(DURATION, "must be a duration such as 1s or 500ms"),
  v.transform((value) => {
    const [, number, unit] = DURATION.exec(value)!;
    return Number(number) * UNIT_MS[unit]!;
  }),
);

const burst = v.pipe(
  v.number("must be a number"),
  v.integer("must be a whole number"),
  v.minValue(0, "must not be negative"),
);

const sans = v.pipe(v.array(text, "must be a list"), v.nonEmpty("must have one at least"));

const FILE = section({
  tls_server_config: v.nullish(
    section({
      cert: v.nullish(text),
      key: v.nullish(text),
      client_ca: v.nullish(text),
      cert_file: v.nullish(text),
      key_file: v.nullish(text),
      client_ca_file: v.nullish(text),
      client_auth_type: v.nullish(
        oneOf([...CLIENT_AUTH_TYPES, "RequireClientCert", ""], CLIENT_AUTH_TYPES),
      ),
      client_allowed_sans: v.nullish(sans),
      min_version: v.nullish(oneOf(TLS_VERSIONS)),
      max_version: v.nullish(oneOf(TLS_VERSIONS)),
      cipher_suites: v.nullish(named(ciphersOf, "a cipher suite of Go's tls.CipherSuites")),
      prefer_server_cipher_suites: v.nullish(flag),
      curve_preferences: v.nullish(named(curvesOf, "CurveP256, CurveP384, CurveP521 or X25519")),
    }),
  ),
  http_server_config: v.nullish(section({ http2: v.nullish(flag), headers: v.nullish(headers) })),
  basic_auth_users: v.nullish(users),
  rate_limit: v.nullish(section({ interval: v.nullish(duration), burst: v.nullish(burst) })),
});

type TlsSection = NonNullable<v.InferOutput<typeof FILE>["tls_server_config"]>;

/** What is right field by field, as a whole. A section without a field is none. */
function composeTls(given: TlsSection): { config: TlsConfig | undefined } | { faults: string[] } {
  const isGiven = (value: unknown) => value !== null && value !== undefined && value !== "";
  if (!Object.values(given).some(isGiven)) return { config: undefined };
  const faults: string[] = [];
  const fault = (field: string, what: string) => {
    faults.push(`web config: tls_server_config.${field} ${what}`);
  };
  const source = (inline: "cert" | "key" | "client_ca"): PemSource | undefined => {
    const [pem, path] = [given[inline], given[`${inline}_file`]];
    if (pem && path) fault(inline, `must not stand beside ${inline}_file`);
    if (path) return { field: `tls_server_config.${inline}_file`, path };
    return pem ? { field: `tls_server_config.${inline}`, pem } : undefined;
  };
  const certificate = source("cert");
  const key = source("key");
  const clientCa = source("client_ca");
  if (certificate === undefined) fault("cert_file", "must be set, or cert");
  if (key === undefined) fault("key_file", "must be set, or key");
  const type = given.client_auth_type || "NoClientCert";
  const clientAuth = type === "RequireClientCert" ? "RequireAnyClientCert" : type;
  const verifies = clientAuth.includes("Verify");
  if (clientCa !== undefined && clientAuth === "NoClientCert") {
    fault("client_auth_type", "must be set, since client_ca_file or client_ca is");
  }
  if (clientCa === undefined && verifies) {
    fault("client_ca_file", `must be set, or client_ca, for client_auth_type=${clientAuth}`);
  }
  if (given.client_allowed_sans && !clientAuth.startsWith("Require")) {
    const types = "RequireAndVerifyClientCert or RequireAnyClientCert";
    fault("client_allowed_sans", `needs client_auth_type=${types}`);
  }
  const minVersion = given.min_version ?? "TLS12";
  const maxVersion = given.max_version ?? "TLS13";
  if (minVersion > maxVersion) fault("min_version", `must not be above max_version=${maxVersion}`);
  if (faults.length > 0 || certificate === undefined || key === undefined) return { faults };
  const config: TlsConfig = {
    certificate,
    key,
    clientCa,
    clientAuth,
    allowedSans: given.client_allowed_sans ? new Set(given.client_allowed_sans) : undefined,
    minVersion,
    maxVersion,
    ciphers: given.cipher_suites?.join(":") || undefined,
    prefersOwnOrder: given.prefer_server_cipher_suites ?? true,
    curves: given.curve_preferences?.join(":") || undefined,
  };
  return { config };
}
