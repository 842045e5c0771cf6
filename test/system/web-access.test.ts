import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Issued } from "../support/authority.ts";
import { type EmbeddedProcess, runBinary, startEmbedded } from "../support/gateway-process.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { until } from "../support/until.ts";
import { makeWebFolder, type WebFolder } from "../support/web-server.ts";

const PAGE = readFileSync(join(import.meta.dir, "../../docs/web-configuration.md"), "utf8");

/** The YAML of the page, in its order: the web config, Prometheus' with a user, and with a token. */
const [WEB_CONFIG, WITH_USER, WITH_TOKEN] = [...PAGE.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
  ([, yaml]) => yaml!,
) as [string, string, string];

const TOKEN = "0f8a-canary-token";

let web: WebFolder;
let own: Issued;
let client: Issued;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  web = await makeWebFolder();
  own = await web.issue(["IP:127.0.0.1", "DNS:localhost"]);
  client = await web.issue(["DNS:prometheus.example"]);
  for (const [from, to] of [
    [own.certificate, "tls.crt"],
    [own.key, "tls.key"],
    [web.ca, "ca.crt"],
    [client.certificate, "prometheus.crt"],
    [client.key, "prometheus.key"],
  ] as const) {
    copyFileSync(from, join(web.folder, to));
  }
  web.write("web-config.yml", WEB_CONFIG);
  web.write("token", `${TOKEN}\n`);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => web?.end());

describe("a real Prometheus scrapes the gateway of docs/web-configuration.md", () => {
  for (const [what, flags, config] of [
    ["as a user", [], WITH_USER],
    ["with a token", [tokenFlag], withToken()],
  ] as const) {
    test(what, async () => {
      const gateway = await start("web-config.yml", ...flags.map((flag) => flag()));
      const prometheus = await startPrometheus(scrapeConfigOf(config, gateway));
      ends.push(() => prometheus.stop());
      await until("it is up", async () => (await prometheus.query("up"))[0] === 1);
      const refused = "sum(prom_stream_gateway_http_requests_refused_total)";
      await until("it is shown", async () => (await prometheus.query(refused))[0] === 0);
      const expiry = "prom_stream_gateway_web_certificate_expiry_timestamp_seconds";
      const { validTo } = new X509Certificate(readFileSync(own.certificate));
      expect(await prometheus.query(expiry)).toEqual([Date.parse(validTo) / 1000]);
      expect(gateway.errors()).toBe("");
    });
  }

  test("with another password it is not up, and the gateway says why", async () => {
    const gateway = await start("web-config.yml");
    const config = WITH_USER.replace("horse-battery", "canary-password");
    const prometheus = await startPrometheus(scrapeConfigOf(config, gateway));
    ends.push(() => prometheus.stop());
    const line = await until("it is told", () => {
      return gateway.log().find(({ event }) => event === "request_refused");
    });
    expect([line.area, line.reason, line.address]).toEqual(["http", "unauthorized", "127.0.0.1"]);
    expect((await prometheus.query("up"))[0] ?? 0).toBe(0);
    expect(JSON.stringify(gateway.log())).not.toMatch(/canary|horse|ENXGm64/);
  });
});

test("a broken file is in the log and in the metrics, until it is right again", async () => {
  web.write("changing.yml", "{}");
  const gateway = await start("changing.yml");
  const events = (name: string) => gateway.log().filter(({ event }) => event === name);
  const isRight = () => gateway.value("prom_stream_gateway_web_config_last_reload_successful");
  expect(await isRight()).toBe(1);
  web.write("changing.yml", "basic_auth_users: {a: canary}");
  await until("it is told", () => events("web_config_refused").length > 0);
  expect(await isRight()).toBe(0);
  expect(events("web_config_refused")[0]).toMatchObject({ level: "error", area: "http" });
  web.write("changing.yml", "http_server_config: {headers: {X-Frame-Options: deny}}");
  await until("it is read", () => events("web_config_reloaded").length > 0);
  expect(await isRight()).toBe(1);
  expect(events("web_config_refused").length).toBe(1);
  expect(JSON.stringify(gateway.log())).not.toContain("canary");
});

describe("check-config", () => {
  test("says what the files mean", async () => {
    const flags = [`--Web.ConfigFile=${join(web.folder, "web-config.yml")}`, tokenFlag()];
    const { code, stdout, stderr } = await runBinary(["check-config", ...flags]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /\n# who may look: TLS with RequireAndVerifyClientCert, a certificate until \d{4}-\d\d-\d\dT[\d:.]+Z; users: 1; tokens: 1; headers: 2\n$/,
    );
    expect(stdout).not.toMatch(/canary|ENXGm64/);
  });

  for (const [what, text, fault] of [
    ["no YAML", "a: [canary", /^web config: the file is no valid YAML in line 1: /],
    [
      "a password in the clear",
      "basic_auth_users: {a: canary}",
      /^web config: basic_auth_users\.a must be a bcrypt hash/,
    ],
    [
      "a certificate that is not there",
      "tls_server_config: {cert_file: nowhere.crt, key_file: tls.key}",
      /^web config: tls_server_config\.cert_file cannot be read: ENOENT/,
    ],
    [
      "another's key",
      "tls_server_config: {cert_file: tls.crt, key_file: prometheus.key}",
      /^web config: tls_server_config\.key_file is not the key of the certificate\n$/,
    ],
    [
      "a key that is none",
      "tls_server_config: {cert_file: tls.crt, key: canary}",
      /^web config: tls_server_config\.key must be a key in PEM\n$/,
    ],
    [
      "a certificate that is none",
      "tls_server_config: {cert_file: tls.key, key_file: tls.key}",
      /^web config: tls_server_config\.cert_file must be certificates in PEM\n$/,
    ],
    [
      "an authority that is none",
      "tls_server_config: {cert_file: tls.crt, key_file: tls.key, client_auth_type: RequireAndVerifyClientCert, client_ca: canary}",
      /^web config: tls_server_config\.client_ca must be certificates in PEM\n$/,
    ],
    [
      "an authority that is damaged",
      'tls_server_config: {cert_file: tls.crt, key_file: tls.key, client_auth_type: RequireAndVerifyClientCert, client_ca: "-----BEGIN CERTIFICATE-----\\nYQ==\\n-----END CERTIFICATE-----"}',
      /^web config: tls_server_config\.client_ca has a damaged certificate, its number 1\n$/,
    ],
  ] as const) {
    test(`and the start refuse ${what} with exit code 2, and show nothing of it`, async () => {
      const flag = `--Web.ConfigFile=${web.write("wrong.yml", text)}`;
      for (const words of [["check-config", flag], [flag]]) {
        const { code, stdout, stderr } = await runBinary(words);
        expect([code, stdout]).toEqual([2, ""]);
        expect(stderr).toMatch(fault);
        expect(stderr).not.toContain("canary");
      }
    });
  }

  for (const [what, text, fault] of [
    ["without a token", "\n\n", "must have 1..100 tokens, a line each, got 0"],
    [
      "with what is no token",
      "a-token\nca nary\n",
      "must have a token a line, of A-Z a-z 0-9 . _ ~ + / -: see its line 2",
    ],
    ["with too many", "a-token\n".repeat(101), "must have 1..100 tokens, a line each, got 101"],
  ] as const) {
    test(`refuses a file ${what}`, async () => {
      const path = web.write("wrong-tokens", text);
      const { code, stderr } = await runBinary(["check-config", `--Web.BearerTokenFile=${path}`]);
      expect([code, stderr]).toEqual([2, `config: Web.BearerTokenFile ${fault}\n`]);
    });
  }
});

describe("healthcheck", () => {
  const PAIR = "cert_file: tls.crt, key_file: tls.key";
  for (const [what, text, flags, said] of [
    ["TLS", `tls_server_config: {${PAIR}}`, [], "ok\n"],
    [
      "client certificates",
      `tls_server_config: {${PAIR}, client_auth_type: RequireAnyClientCert}`,
      [],
      "alive; whether it is ready is told with a client certificate only\n",
    ],
    ["a login", "{}", [tokenFlag], "alive; whether it is ready is told with a login only\n"],
    ["a public path", "{}", [tokenFlag, () => "--Web.PublicPaths=/-/*"], "ok\n"],
  ] as const) {
    test(`is good with ${what}, and is not when the gateway has ended`, async () => {
      web.write("healthcheck.yml", text);
      const given = flags.map((flag) => flag());
      const gateway = await start("healthcheck.yml", ...given);
      const ready = async () => {
        const words = [
          `--Web.ListenAddress=${new URL(gateway.url).host}`,
          fileFlag("healthcheck.yml"),
        ];
        return runBinary(["healthcheck", ...words, ...given]);
      };
      const { code, stdout } = await until("it is ready", async () => {
        const result = await ready();
        return result.code === 0 && result;
      });
      expect([code, stdout]).toEqual([0, said]);
      await gateway.stop();
      expect((await ready()).code).toBe(1);
    });
  }
});

function tokenFlag(): string {
  return `--Web.BearerTokenFile=${join(web.folder, "token")}`;
}

function fileFlag(name: string): string {
  return `--Web.ConfigFile=${join(web.folder, name)}`;
}

/** The page's fragment in the place of the login of the whole. */
function withToken(): string {
  return WITH_USER.replace(/ {4}basic_auth:\n.*\n.*\n/, WITH_TOKEN);
}

async function start(file: string, ...flags: string[]): Promise<EmbeddedProcess> {
  const gateway = await startEmbedded([fileFlag(file), ...flags]);
  ends.push(() => gateway.stop());
  return gateway;
}

/** The page's, with this test's files and target, and the time of a first login. */
function scrapeConfigOf(config: string, gateway: EmbeddedProcess): string {
  return config
    .replace(
      /(ca|cert|key|credentials)_file: (\S+)/g,
      (_, kind, name) => `${kind}_file: ${join(web.folder, name)}`,
    )
    .replace("gateway.example:9091", new URL(gateway.url).host)
    .replace("scheme: https", "scheme: https\n    scrape_interval: 1s\n    scrape_timeout: 1s");
}
