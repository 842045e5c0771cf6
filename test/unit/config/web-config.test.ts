import { describe, expect, test } from "bun:test";
import { parseWebConfig } from "../../../src/config/web-config.ts";

const HASH = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
const PAIR = "cert_file: a, key_file: b";

/** What it says, and what that means: the part of the configuration that a test looks at. */
const VALID: [what: string, text: string, means: object][] = [
  ["nothing", "{}", { tls: undefined, headers: [], users: new Map(), rateLimit: undefined }],
  ["sections without anything", "tls_server_config:\nbasic_auth_users:\n", { tls: undefined }],
  [
    "a certificate, with the versions that count without a word",
    `tls_server_config: {${PAIR}}`,
    {
      tls: {
        certificate: { field: "tls_server_config.cert_file", path: "a" },
        key: { field: "tls_server_config.key_file", path: "b" },
        clientCa: undefined,
        clientAuth: "NoClientCert",
        allowedSans: undefined,
        minVersion: "TLS12",
        maxVersion: "TLS13",
        ciphers: undefined,
        prefersOwnOrder: true,
        curves: undefined,
      },
    },
  ],
  [
    "everything about TLS",
    [
      "tls_server_config:",
      "  cert: |\n    one\n    two",
      "  key: secret",
      "  client_ca: three",
      "  client_auth_type: RequireAndVerifyClientCert",
      "  client_allowed_sans: [a.example, 10.0.0.1]",
      "  min_version: TLS10\n  max_version: TLS12",
      "  cipher_suites:",
      "    - TLS_AES_128_GCM_SHA256",
      "    - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
      "    - TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
      "  prefer_server_cipher_suites: no",
      "  curve_preferences: [X25519, CurveP521]",
    ].join("\n"),
    {
      tls: {
        certificate: { field: "tls_server_config.cert", pem: "one\ntwo\n" },
        key: { field: "tls_server_config.key", pem: "secret" },
        clientCa: { field: "tls_server_config.client_ca", pem: "three" },
        clientAuth: "RequireAndVerifyClientCert",
        allowedSans: new Set(["a.example", "10.0.0.1"]),
        minVersion: "TLS10",
        maxVersion: "TLS12",
        ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-SHA",
        prefersOwnOrder: false,
        curves: "X25519:P-521",
      },
    },
  ],
  [
    "users, one of whom has an odd name",
    `basic_auth_users: {alice: ${HASH}, constructor: "${HASH}", 12: ${HASH}, __proto__: ${HASH}}`,
    { users: new Map(["12", "alice", "constructor", "__proto__"].map((name) => [name, HASH])) },
  ],
  ["no users", "basic_auth_users: {}", { users: new Map() }],
  [
    "headers, of which an empty one is none",
    'http_server_config: {http2: false, headers: {X-Frame-Options: deny, X-XSS-Protection: "", Content-Security-Policy: "default-src \'self\'"}}',
    {
      headers: [
        ["X-Frame-Options", "deny"],
        ["Content-Security-Policy", "default-src 'self'"],
      ],
    },
  ],
  [
    "a rate",
    "rate_limit: {interval: 1.5s, burst: 3}",
    { rateLimit: { intervalMs: 1500, burst: 3 } },
  ],
  ["no rate", "rate_limit: {interval: 0, burst: 3}", { rateLimit: undefined }],
  [
    "the older name of a client_auth_type",
    `tls_server_config: {${PAIR}, client_auth_type: RequireClientCert}`,
    { tls: expect.objectContaining({ clientAuth: "RequireAnyClientCert" }) },
  ],
  [
    "anchors",
    `basic_auth_users: {a: &h ${HASH}, b: *h}`,
    { users: new Map([..."ab"].map((name) => [name, HASH])) },
  ],
];

const TLS = "web config: tls_server_config";

const INVALID: [what: string, text: string, ...faults: string[]][] = [
  ["an empty file", "", "web config: the file must not be empty; {} says nothing"],
  ["comments only", "# none\n", "web config: the file must not be empty; {} says nothing"],
  ["a list", "- a", "web config: the file must have fields"],
  ["a word", "s3cret", "web config: the file must have fields"],
  ["a section that is a list", "tls_server_config: []", `${TLS} must have fields`],
  [
    "a section that is unknown",
    "tls_config: {}",
    "web config: tls_config is no field; there are tls_server_config, http_server_config, basic_auth_users, rate_limit",
  ],
  [
    "a key that stands twice",
    `basic_auth_users:\n  a: ${HASH}\n  a: ${HASH}`,
    "web config: the file is no valid YAML in line 3: duplicate key",
  ],
  [
    "a section that stands twice",
    "rate_limit: {}\nbasic_auth_users: {}\nrate_limit: {}",
    "web config: the file is no valid YAML in line 3: duplicate key",
  ],
  [
    "a bracket too few",
    "a: {b: s3cret",
    "web config: the file is no valid YAML in line 1: bad indent",
  ],
  [
    "two documents",
    "{}\n---\n{}",
    "web config: the file is no valid YAML in line 2: multiple docs",
  ],
  [
    "a tag",
    "x: !secret s3cret",
    "web config: the file is no valid YAML in line 1: tag resolve failed",
  ],
  [
    "a set in the place of fields",
    "basic_auth_users: !!set {a}",
    "web config: the file is no valid YAML in line 1: tag resolve failed",
  ],
  [
    "an alias of nothing",
    "x: *s3cret",
    "web config: the file has too many aliases, or a wrong one",
  ],
  [
    "too many aliases",
    `a: &a [x,x]\n${[..."bcdefghi"].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[i]}`)}]`).join("\n")}`,
    "web config: the file has too many aliases, or a wrong one",
  ],
  [
    "no certificate",
    "tls_server_config: {min_version: TLS13}",
    `${TLS}.cert_file must be set, or cert`,
    `${TLS}.key_file must be set, or key`,
  ],
  [
    "a certificate twice",
    `tls_server_config: {${PAIR}, cert: c}`,
    `${TLS}.cert must not stand beside cert_file`,
  ],
  [
    "a path that is none",
    "tls_server_config: {cert_file: 1, key_file: b}",
    `${TLS}.cert_file must be a text`,
  ],
  [
    "a version",
    `tls_server_config: {${PAIR}, min_version: TLS9}`,
    `${TLS}.min_version must be TLS10, TLS11, TLS12 or TLS13, got "TLS9"`,
  ],
  [
    "versions the wrong way round",
    `tls_server_config: {${PAIR}, min_version: TLS13, max_version: TLS12}`,
    `${TLS}.min_version must not be above max_version=TLS12`,
  ],
  [
    "a client_auth_type",
    `tls_server_config: {${PAIR}, client_auth_type: Verify}`,
    `${TLS}.client_auth_type must be NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert, got "Verify"`,
  ],
  [
    "an authority without a use",
    `tls_server_config: {${PAIR}, client_ca_file: c}`,
    `${TLS}.client_auth_type must be set, since client_ca_file or client_ca is`,
  ],
  [
    "a use without an authority",
    `tls_server_config: {${PAIR}, client_auth_type: RequireAndVerifyClientCert}`,
    `${TLS}.client_ca_file must be set, or client_ca, for client_auth_type=RequireAndVerifyClientCert`,
  ],
  [
    "names of certificates that need not be shown",
    `tls_server_config: {${PAIR}, client_ca_file: c, client_auth_type: VerifyClientCertIfGiven, client_allowed_sans: [a]}`,
    `${TLS}.client_allowed_sans needs client_auth_type=RequireAndVerifyClientCert or RequireAnyClientCert`,
  ],
  [
    "no names",
    `tls_server_config: {${PAIR}, client_auth_type: RequireAnyClientCert, client_allowed_sans: []}`,
    `${TLS}.client_allowed_sans must have one at least`,
  ],
  [
    "a cipher suite",
    `tls_server_config: {${PAIR}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}`,
    `${TLS}.cipher_suites.0 must be a cipher suite of Go's tls.CipherSuites, got "TLS_RSA_WITH_RC4_128_SHA"`,
  ],
  [
    "a cipher suite named as what all objects have",
    `tls_server_config: {${PAIR}, cipher_suites: [constructor]}`,
    `${TLS}.cipher_suites.0 must be a cipher suite of Go's tls.CipherSuites, got "constructor"`,
  ],
  [
    "a curve",
    `tls_server_config: {${PAIR}, curve_preferences: [P256]}`,
    `${TLS}.curve_preferences.0 must be CurveP256, CurveP384, CurveP521 or X25519, got "P256"`,
  ],
  [
    "a password in the clear",
    "basic_auth_users: {a: s3cret}",
    "web config: basic_auth_users.a must be a bcrypt hash ($2a$, $2b$ or $2y$): htpasswd -nBC 10 USER",
  ],
  [
    "a hash cut short",
    `basic_auth_users: {a: ${HASH.slice(0, -1)}}`,
    "web config: basic_auth_users.a must be a bcrypt hash ($2a$, $2b$ or $2y$): htpasswd -nBC 10 USER",
  ],
  [
    "a hash that is too dear",
    `basic_auth_users: {a: ${HASH.replace("10", "19")}}`,
    "web config: basic_auth_users.a must be a bcrypt hash of a cost of 4..18, got 19",
  ],
  [
    "a user with a colon",
    `basic_auth_users: {"a:b": ${HASH}}`,
    "web config: basic_auth_users.a... must not have a colon in its name",
  ],
  [
    "users that are a list",
    "basic_auth_users: [a]",
    "web config: basic_auth_users must be names with a text each",
  ],
  [
    "another header",
    "http_server_config: {headers: {X-Other: a}}",
    "web config: http_server_config.headers.X-Other cannot be set; there are Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection",
  ],
  [
    "a header's value",
    "http_server_config: {headers: {X-Frame-Options: DENY}}",
    'web config: http_server_config.headers.X-Frame-Options must be deny or sameorigin, got "DENY"',
  ],
  [
    "a header of two lines",
    'http_server_config: {headers: {X-XSS-Protection: "a\\r\\nSet-Cookie: b"}}',
    "web config: http_server_config.headers.X-XSS-Protection must be one line of ASCII",
  ],
  [
    "a flag",
    "http_server_config: {http2: maybe}",
    "web config: http_server_config.http2 must be true or false",
  ],
  [
    "a duration",
    "rate_limit: {interval: 1 s, burst: 1}",
    "web config: rate_limit.interval must be a duration such as 1s or 500ms",
  ],
  [
    "a rate that lets nobody through",
    "rate_limit: {interval: 1s}",
    "web config: rate_limit.burst must be 1 or more",
  ],
];

describe("a web config is taken with", () => {
  for (const [what, text, means] of VALID) {
    test(what, () => {
      expect(parseWebConfig(text)).toEqual({ ok: true, config: expect.objectContaining(means) });
    });
  }
});

describe("a web config is refused, without a word of what is secret, for", () => {
  for (const [what, text, ...faults] of INVALID) {
    test(what, () => {
      const parsed = parseWebConfig(text);
      expect(parsed).toEqual({ ok: false, faults });
      expect(JSON.stringify(parsed)).not.toMatch(/s3cret|QOauhQNbBC/);
    });
  }
});
