import { afterAll, beforeAll, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { $ } from "bun";
import { readWebFiles } from "../../../src/config/web-files.ts";
import type { Issued } from "../../support/authority.ts";
import { makeWebFolder, type WebFolder } from "../../support/web-server.ts";

let web: WebFolder;
let own: Issued;

beforeAll(async () => {
  web = await makeWebFolder();
  own = await web.issue(["DNS:localhost"]);
});
afterAll(() => web?.end());

test("a chain that was cut off in the middle is a fault, though its first certificate is right", () => {
  const whole = readFileSync(own.certificate, "utf8");
  for (const rest of [whole.slice(0, 200), whole.replaceAll("CERTIFICATE", "X509 CERTIFICATE")]) {
    const chain = web.write("chain.pem", whole + rest.replace(/MII/, "AAA"));
    const tls = `tls_server_config: {cert_file: ${chain}, key_file: ${own.key}}`;
    expect(faultsOf({ configFile: web.write("web.yml", tls) })).toMatch(
      /^web config: tls_server_config cannot be used: [a-z ]+$/,
    );
  }
});

test("a key that cannot be used is a fault that says why, and nothing of the key", async () => {
  const key = readFileSync(own.key, "utf8");
  const encrypted = await $`openssl pkey -in ${own.key} -aes256 -passout pass:canary`.text();
  for (const [text, fault] of [
    [encrypted, "must be a key without a passphrase, which `openssl pkey` removes"],
    [key.replace("MI", "AA"), "has a damaged key"],
    [key.slice(0, -10), "must be a key in PEM"],
  ] as const) {
    const tls = `tls_server_config: {cert_file: ${own.certificate}, key_file: ${web.write("wrong.key", text)}}`;
    expect(faultsOf({ configFile: web.write("web.yml", tls) })).toBe(
      `web config: tls_server_config.key_file ${fault}`,
    );
  }
});

test("a certificate ends with the first of its chain that does, whichever that is", async () => {
  const short = await web.issue(["DNS:localhost"], { days: 3 });
  const long = await web.issue(["DNS:localhost"], { days: 300 });
  for (const [first, second] of [
    [short, long],
    [long, short],
  ] as const) {
    const pem = [first, second].map(({ certificate }) => readFileSync(certificate, "utf8"));
    const chain = web.write("chain.pem", pem.join(""));
    const tls = `tls_server_config: {cert_file: ${chain}, key_file: ${first.key}}`;
    const read = readWebFiles({ configFile: web.write("web.yml", tls), bearerTokenFile: "" });
    const { validTo } = new X509Certificate(readFileSync(short.certificate));
    expect(read.ok && read.files.tls?.expiresMs).toBe(Date.parse(validTo));
  }
});

test("a pipe is a fault, and is not waited for", async () => {
  const path = join(web.folder, "pipe");
  await $`mkfifo ${path}`;
  const fault = `must be a file, not a pipe, got ${JSON.stringify(path)}`;
  expect(faultsOf({ configFile: path })).toBe(`config: Web.ConfigFile ${fault}`);
  expect(faultsOf({ bearerTokenFile: path })).toBe(`config: Web.BearerTokenFile ${fault}`);
});

test("a token that stands where the name of its file belongs is not shown", () => {
  expect(faultsOf({ bearerTokenFile: "canary-token" })).toBe(
    'config: Web.BearerTokenFile cannot be read: ENOENT: no such file or directory, got "***"',
  );
});

test("a key that stands where the name of its file belongs is not shown", () => {
  const pem = "-----BEGIN PRIVATE KEY----- canary -----END PRIVATE KEY-----";
  const tls = `tls_server_config: {cert_file: ${own.certificate}, key_file: "${pem}"}`;
  expect(faultsOf({ configFile: web.write("web.yml", tls) })).toBe(
    'web config: tls_server_config.key_file cannot be read: ENOENT: no such file or directory, got "***"',
  );
});

function faultsOf(files: { configFile?: string; bearerTokenFile?: string }): string {
  const read = readWebFiles({ configFile: "", bearerTokenFile: "", ...files });
  return read.ok ? "none" : read.faults.join("\n");
}
