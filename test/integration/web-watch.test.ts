import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../../src/config/settings.ts";
import { WebWatch } from "../../src/http/web-watch.ts";
import { expositionOf } from "../support/pages.ts";
import { askTls } from "../support/tls-client.ts";
import { until } from "../support/until.ts";
import { listenerOf, makeWebFolder, type Told, type WebFolder } from "../support/web-server.ts";

const WEB: Settings["web"] = {
  ...{ listen: { hostname: "127.0.0.1", port: 0 }, maxScrapesInFlight: 0, scrapeTimeoutSeconds: 0 },
  idleTimeoutSeconds: 60,
  ...{ isAdminEnabled: false, configFile: "", bearerTokenFile: "" },
  ...{ publicPaths: [], maxFailedLogins: 0 },
};
const TLS = "tls_server_config: {cert_file: own.pem, key_file: own.key}";

let web: WebFolder;
let made = 0;

beforeAll(async () => {
  web = await makeWebFolder();
});
afterAll(async () => {
  await web?.end();
});

/** Makes a certificate, and puts it where the web config looks for it. Its name in the certificate. */
async function renew(part: "both" | "certificate" | "key" = "both"): Promise<string> {
  const { certificate, key } = await web.issue(["DNS:localhost"]);
  if (part !== "key") copyFileSync(certificate, join(web.folder, "own.pem"));
  if (part !== "certificate") copyFileSync(key, join(web.folder, "own.key"));
  return certificate.slice(web.folder.length + 1, -".pem".length);
}

function hashOf(password: string): Promise<string> {
  return Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
}

async function statusOf({ url }: Told, authorization: string): Promise<number> {
  const response = await fetch(url, { headers: { authorization } });
  await response.body?.cancel();
  return response.status;
}

const basic = (login: string) => `Basic ${btoa(login)}`;

test("a new certificate counts for the next connection, and a scrape that runs goes on", async () => {
  const first = await renew();
  function* slow() {
    for (let i = 0; i < 10; i++) yield Buffer.alloc(1_000_000, "a");
    while (!isOver) yield Buffer.alloc(0);
    yield Buffer.from("end\n");
  }
  let isOver = false;
  const served = web.serve(TLS, {}, () => expositionOf(isOver ? [Buffer.from("a 1\n")] : slow()));
  const running = await fetch(served.url, { tls: { rejectUnauthorized: false } });
  const text = running.text();
  const second = await renew();
  await until("it is read", () => served.told.includes("reloaded"));
  isOver = true;
  const { server, status } = await askTls(served.server.port);
  expect([server, status, first === second]).toEqual([second, 200, false]);
  expect(await text).toEndWith("aend\n");
  expect(served.told).toEqual(["reloaded"]);
});

test("a key without its certificate is told, and what was before counts until that comes", async () => {
  const first = await renew();
  const served = web.serve(TLS);
  const { certificate, key } = await web.issue(["DNS:localhost"]);
  copyFileSync(key, join(web.folder, "own.key"));
  const fault = "refused: web config: tls_server_config.key_file is not the key of the certificate";
  await until("it is told", () => served.told.includes(fault));
  expect((await askTls(served.server.port)).server).toBe(first);
  copyFileSync(certificate, join(web.folder, "own.pem"));
  await until("it is read", () => served.told.includes("reloaded"));
  expect((await askTls(served.server.port)).server).not.toBe(first);
  expect(served.told).toEqual([fault, "reloaded"]);
});

test("files that change one after the other count when they have come to rest", async () => {
  await renew();
  const configFile = web.write("settling.yml", TLS);
  const told: string[] = [];
  const settings = { ...WEB, configFile };
  const served: number[] = [];
  const certificateServed = (untilMs: number) => void served.push(untilMs);
  const watch = new WebWatch(settings, { ...listenerOf(told), certificateServed });
  const before = watch.files;
  const { certificate, key } = await web.issue(["DNS:localhost"], { days: 60 });
  copyFileSync(key, join(web.folder, "own.key"));
  watch.look();
  copyFileSync(certificate, join(web.folder, "own.pem"));
  watch.look();
  expect([told, watch.files === before]).toEqual([[], true]);
  watch.look();
  expect([told, watch.files === before]).toEqual([["reloaded"], false]);
  watch.look();
  expect(told).toEqual(["reloaded"]);
  expect(served).toEqual([before.tls!.expiresMs, watch.files.tls!.expiresMs]);
  expect(served[1]! - served[0]!).toBeGreaterThan(29 * 86_400_000);
  watch.stop();
});

test("a broken file is told once, what was before counts, and a file that is right again does", async () => {
  const served = web.serve(`basic_auth_users: {a: ${await hashOf("one")}}`);
  expect(await statusOf(served, basic("a:one"))).toBe(200);
  served.rewrite("basic_auth_users: {a: s3cret}");
  const told = await until("it is told", () =>
    served.told.find((line) => line.startsWith("refused: ")),
  );
  expect(told).toContain("basic_auth_users.a must be a bcrypt hash");
  expect(told).not.toContain("s3cret");
  expect(await statusOf(served, basic("a:one"))).toBe(200);
  rmSync(served.configFile);
  await until("it is told that it is gone", () =>
    served.told.some((line) => line.includes("ENOENT")),
  );
  expect(await statusOf(served, basic("a:one"))).toBe(200);
  served.rewrite(`basic_auth_users: {a: ${await hashOf("two")}}`);
  await until("it is read", () => served.told.includes("reloaded"));
  expect(await statusOf(served, basic("a:one"))).toBe(401);
  expect(await statusOf(served, basic("a:two"))).toBe(200);
  expect(served.told.filter((line) => line.startsWith("refused: ")).length).toBe(2);
});

test("an empty file lets nobody in", async () => {
  const served = web.serve(`basic_auth_users: {a: ${await hashOf("one")}}`);
  served.rewrite("");
  await until("it is told", () => served.told.some((line) => line.includes("must not be empty")));
  expect(await statusOf(served, "")).toBe(401);
});

test("TLS cannot come or go while the gateway runs", async () => {
  const served = web.serve("{}");
  await renew();
  served.rewrite(TLS);
  await until("it is told", () =>
    served.told.includes(
      "refused: web config: tls_server_config cannot come or go while the gateway runs: restart it",
    ),
  );
  expect(await statusOf(served, "")).toBe(200);
});

test("headers stand in each answer, refusals among them, and others when the file says so", async () => {
  const users = `basic_auth_users: {a: ${await hashOf("one")}}`;
  const served = web.serve(`http_server_config: {headers: {X-Frame-Options: deny}}\n${users}`);
  const headerOf = async (authorization: string, path = "/metrics") => {
    const response = await fetch(new URL(path, served.url), { headers: { authorization } });
    return [response.status, response.headers.get("x-frame-options")];
  };
  expect(await headerOf("")).toEqual([401, "deny"]);
  expect(await headerOf(basic("a:one"))).toEqual([200, "deny"]);
  expect(await headerOf(basic("a:one"), "/nowhere")).toEqual([404, "deny"]);
  served.rewrite(`http_server_config: {headers: {X-Frame-Options: sameorigin}}\n${users}`);
  await until("it is read", () => served.told.includes("reloaded"));
  expect(await headerOf("")).toEqual([401, "sameorigin"]);
});

test("tokens are read again, also when a link to them is replaced as Kubernetes does", async () => {
  const folder = (name: string, token: string) => {
    mkdirSync(join(web.folder, name));
    web.write(join(name, "token"), token);
  };
  folder("..1", "first-token\n");
  folder("..2", "first-token\nsecond-token\n");
  symlinkSync("..1", join(web.folder, "..data"));
  symlinkSync("..data/token", join(web.folder, "token"));
  const served = web.serve("{}", { bearerTokenFile: join(web.folder, "token") });
  const statuses = async () => [
    await statusOf(served, "Bearer first-token"),
    await statusOf(served, "Bearer second-token"),
  ];
  expect(await statuses()).toEqual([200, 401]);
  symlinkSync("..2", join(web.folder, "..data_tmp"));
  renameSync(join(web.folder, "..data_tmp"), join(web.folder, "..data"));
  await until("it is read", () => served.told.includes("reloaded"));
  expect(await statuses()).toEqual([200, 200]);
  web.write("token", "\n");
  await until("it is told", () => served.told.some((line) => line.includes("1..100 tokens")));
  expect(await statuses()).toEqual([200, 200]);
});

for (const [path, isPublic] of [
  ["/metrics", true],
  ["/metrics?name[]=a", true],
  ["/x/../metrics", true],
  ["/-/%2e%2e/metrics", true],
  ["/metrics/../api/v1/status", false],
  ["/metrics/..%2fapi/v1/status", false],
  ["/metrics/%2e%2e/api/v1/status", false],
  ["/metrics\\..\\api/v1/status", false],
  ["//metrics", false],
  ["/./api/v1/status", false],
  ["/METRICS", false],
  ["/metrics/", false],
  ["/metrics;/api/v1/status", false],
  ["/metrics%00", false],
  ["/api/v1/status?/metrics", false],
  ["/api/v1/status#/metrics", false],
  ["http://other/metrics/../api/v1/status", false],
] as const) {
  test(`${path} is ${isPublic ? "" : "not "}public where /metrics is`, async () => {
    made++;
    const token = web.write(`token-${made}`, "a-token");
    const served = web.serve("{}", { bearerTokenFile: token, publicPaths: ["/metrics"] });
    // As it is: a client of ours would mend the path.
    const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    const answer = await askInTheClear(served.server.port, request);
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${isPublic ? 200 : 401}`);
    if (!isPublic) expect(answer).not.toContain("families");
  });
}

async function askInTheClear(port: number, request: string): Promise<string> {
  const answer = Promise.withResolvers<string>();
  let text = "";
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(request),
      data: (_, chunk) => {
        text += chunk.toString("latin1");
      },
      close: () => answer.resolve(text),
    },
  });
  return answer.promise;
}
