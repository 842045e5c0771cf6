import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CANARY, CANARY_IN_URL, findCanary } from "../support/canary.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { BINARY, runBinary } from "../support/gateway-process.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

/**
 * Whatever is wrong, and at whatever level it is logged: no secret comes out. Each place where one
 * can stand has a canary, and all that the program says is looked through.
 */

const PROTOBUF =
  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/** All that a browser may ask for. A new page goes here. */
const PAGES: [method: string, path: string, headers?: Record<string, string>][] = [
  ["GET", "/"],
  ["GET", "/status"],
  ["GET", "/-/healthy"],
  ["GET", "/-/ready"],
  ["GET", "/-/ready?standbyok=true"],
  ["GET", "/metrics"],
  ["GET", "/metrics?name[]=c"],
  ["GET", "/metrics", { Accept: "application/openmetrics-text; version=1.0.0" }],
  ["GET", "/metrics", { Accept: "text/plain; version=1.0.0; escaping=allow-utf-8" }],
  ["GET", "/metrics", { Accept: PROTOBUF }],
  ["GET", "/api/v1/status"],
  ["GET", "/api/v1/history"],
  ["GET", "/api/v1/settings"],
  ["GET", "/api/v1/drops"],
  ["GET", "/api/v1/families"],
  ["GET", "/api/v1/family?name=c"],
  ["GET", "/api/v1/series"],
  ["GET", "/api/v1/series?match[]={"],
  ["DELETE", "/api/v1/series?match[]=nothing"],
  ["DELETE", "/api/v1/series"],
  ["PUT", "/api/v1/admin/wipe"],
  ["POST", "/metrics"],
  ["GET", "/nothing"],
  ["GET", "/%"],
];

const COMMANDS = [
  ["run"],
  ["check-config"],
  ["healthcheck"],
  ["push", "counter", "c", "1"],
  ["load", "--count=1", "--senders=1"],
];

const WORKS = /gateway_recovered/;

/** Where a secret stands: on the command line, in the environment, or in the settings file. */
interface Given {
  flags?: string[];
  environment?: Record<string, string>;
  file?: string;
}

let folder: string;
let certificates: Certificates;
let open: RedisServer;
let locked: RedisServer;
let files = 0;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "gateway-canary-"));
  certificates = await makeCertificates(["DNS:localhost"]);
  open = await startRedis();
  locked = await startRedis();
  await locked.client.call("ACL", "SETUSER", "gateway", "on", `>${CANARY}`, "allkeys", "+@all");
  await locked.client.call("ACL", "SETUSER", "admin", "on", ">admin", "allkeys", "+@all");
  await locked.client.auth("admin", "admin");
  await locked.client.call("ACL", "SETUSER", "default", "off");
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  certificates?.remove();
  await open?.stop();
  await locked?.stop();
});

test("the canary is found in whichever form it comes", () => {
  for (const text of [
    CANARY,
    CANARY_IN_URL,
    JSON.stringify(CANARY),
    Buffer.from(CANARY).toString("base64"),
    Buffer.from(`u:${CANARY}`).toString("base64"),
    Buffer.from(`us:${CANARY}`).toString("base64"),
    Buffer.from(CANARY).toString("hex"),
    CANARY.slice(0, 12),
    CANARY.slice(-12),
  ]) {
    expect(findCanary(`before ${text} behind`)).not.toEqual([]);
  }
  expect(findCanary(readFileSync(import.meta.path, "utf8"))).toEqual([]);
});

describe("settings that are wrong", () => {
  const strings: [what: string, value: string][] = [
    ["an unknown option behind it", `h,password=${CANARY},nonsense=1`],
    ["a comma in it", `h,password=${CANARY},${CANARY}`],
    ["an option that is misspelt", `h,pasword=${CANARY}`],
    ["a number that is none", `h,password=${CANARY},connectTimeout=x`],
    ["a port that is none", `h:x,password=${CANARY}`],
    ["no host", `password=${CANARY}`],
    ["a place where no secret belongs", `h,user:${CANARY}@h`],
    ["itself alone", CANARY],
    ["a URL, not encoded", `redis://user:${CANARY}@h`],
    ["a URL without a user", `redis://${CANARY_IN_URL}@h`],
    ["a URL's query", `redis://h?password=${CANARY_IN_URL}`],
    ["a URL's path", `redis://u:${CANARY_IN_URL}@h/${CANARY_IN_URL}`],
    ["a URL with a wrong port", `rediss://u:${CANARY_IN_URL}@h:0`],
    ["a URL that is cut", `redis://u:${CANARY_IN_URL}`],
    ["a URL that is badly encoded", `redis://u:${CANARY_IN_URL}%zz@h`],
    ["another URL", `https://u:${CANARY_IN_URL}@h`],
    ["a socket", `unix:/${CANARY}`],
  ];
  for (const [what, value] of strings) {
    test(`a connection string with ${what}, wherever it stands`, async () => {
      await expectRefused({ flags: [`--Redis.ConnectionString=${value}`] });
      await expectRefused({ environment: { Redis__ConnectionString: value } });
      await expectRefused({ file: JSON.stringify({ Redis: { ConnectionString: value } }) });
      await expectRefused({ environment: { Redis__ConnectionStringFile: write(value) } });
    });
  }

  const others: [what: string, make: () => Given][] = [
    ["in the place of its file's path", () => ({ flags: [`--Redis.PasswordFile=${CANARY}`] })],
    [
      "in the place of a connection string's path",
      () => ({ environment: { Redis__ConnectionStringFile: `redis://u:${CANARY_IN_URL}@h` } }),
    ],
    [
      "in the place of the key's path",
      () => ({
        flags: [
          "--Redis.ConnectionString=rediss://h",
          `--Redis.TlsKeyFile=${CANARY}`,
          `--Redis.TlsCertificateFile=${CANARY}`,
        ],
      }),
    ],
    [
      "beside its file",
      () => ({
        flags: [`--Redis.Password=${CANARY}`],
        environment: { Redis__PasswordFile: write(CANARY) },
      }),
    ],
    [
      "beside its file, of the embedded queue",
      () => ({
        file: JSON.stringify({ Embedded: { Password: CANARY } }),
        flags: [`--Embedded.PasswordFile=${write(CANARY)}`],
      }),
    ],
    [
      "in a file that is too long",
      () => ({ flags: [`--Redis.PasswordFile=${write(CANARY.repeat(3000))}`] }),
    ],
    [
      "in a file that is no text",
      () => ({
        flags: [`--Redis.PasswordFile=${write(Buffer.from(`${CANARY}\xff`, "latin1"))}`],
      }),
    ],
    ["under a name that is misspelt", () => ({ environment: { Redis__Pasword: CANARY } })],
    ["in a name", () => ({ flags: [`--Redis.Password:${CANARY}=1`] })],
    ["as an object", () => ({ file: JSON.stringify({ Redis: { Password: { [CANARY]: 1 } } }) })],
    ["as a list", () => ({ file: JSON.stringify({ Redis: { Password: [CANARY] } }) })],
    ["as a section", () => ({ file: JSON.stringify({ Redis: CANARY }) })],
    [
      "twice",
      () => ({ file: `{"Redis":{"Password":${JSON.stringify(CANARY)},"password":"${"x"}"}}` }),
    ],
    ["with another setting that is wrong", () => ({ flags: [...right(), "--Gateway.Id="] })],
    [
      "of an embedded queue whose address is wrong",
      () => ({ flags: [`--Embedded.Password=${CANARY}`, "--Embedded.ListenAddress=x"] }),
    ],
    [
      "in a key that is damaged",
      () => tls(`-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----\n`),
    ],
    ["in a key that is none", () => tls(CANARY)],
    [
      "in a key that wants a passphrase",
      () => tls(`-----BEGIN ENCRYPTED PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----\n`),
    ],
  ];
  for (const [what, make] of others) {
    test(`a secret ${what}`, () => expectRefused(make()));
  }

  test("a settings file that is broken anywhere", async () => {
    const text = JSON.stringify({ Redis: { Password: CANARY } });
    for (const place of ["{", ":", CANARY.slice(0, 9), "}}"]) {
      const at = text.indexOf(place);
      for (const file of [text.slice(0, at), `${text.slice(0, at)}\n${text.slice(at)}x`]) {
        const { code, said } = await say(["check-config"], { file });
        expect(findCanary(said)).toEqual([]);
        expect(code).toBe(2);
      }
    }
  });
});

describe("a gateway at work", () => {
  const starts: [what: string, sees: RegExp, make: () => Given][] = [
    [
      "logged in by options",
      WORKS,
      () => ({ flags: [connection(`,user=gateway,password=${CANARY}`)] }),
    ],
    [
      "logged in by a URL in a file",
      WORKS,
      () => {
        const url = `redis://gateway:${CANARY_IN_URL}@127.0.0.1:${locked.port}`;
        return { environment: { Redis__ConnectionStringFile: write(`${url}\n`) } };
      },
    ],
    ["logged in by a password", WORKS, () => ({ flags: right() })],
    [
      "logged in by a password's file",
      WORKS,
      () => ({
        flags: [connection(), "--Redis.User=gateway", `--Redis.PasswordFile=${write(CANARY)}`],
      }),
    ],
    [
      "that is refused",
      /WRONGPASS/,
      () => ({ flags: [connection(), "--Redis.User=gateway", `--Redis.Password=${CANARY}x`] }),
    ],
    [
      "without a user that is there",
      /NOAUTH/,
      () => ({ flags: [connection(`,password=${CANARY}`)] }),
    ],
    [
      "that needs no password",
      WORKS,
      () => ({ flags: [`--Redis.ConnectionString=127.0.0.1:${open.port},password=${CANARY}`] }),
    ],
    [
      "whose host has no address",
      /ENOTFOUND|EAI_AGAIN/,
      () => ({ flags: [`--Redis.ConnectionString=redis://u:${CANARY_IN_URL}@nowhere.invalid`] }),
    ],
    [
      "whose Redis is not there",
      /ECONNREFUSED/,
      () => ({ flags: [`--Redis.ConnectionString=127.0.0.1:1,user=u,password=${CANARY}`] }),
    ],
    [
      "whose sentinels are not there",
      /sentinels are unreachable/,
      () => ({
        flags: [`--Redis.ConnectionString=127.0.0.1:1,serviceName=m,password=${CANARY}`],
      }),
    ],
    [
      "whose Redis speaks no TLS",
      /queue_failed/,
      () => ({
        flags: [`--Redis.ConnectionString=rediss://u:${CANARY_IN_URL}@127.0.0.1:${open.port}`],
      }),
    ],
    [
      "with an embedded queue",
      WORKS,
      () => ({
        flags: ["--Embedded.ListenAddress=127.0.0.1:0", `--Embedded.PasswordFile=${write(CANARY)}`],
      }),
    ],
    [
      "with an option that holds a proxy's password",
      WORKS,
      () => ({
        flags: [`--Redis.ConnectionString=127.0.0.1:${open.port},tunnel=http:u:${CANARY}@p`],
      }),
    ],
  ];
  for (const [what, sees, make] of starts) {
    test(`${what} says nothing of it: on its pages, in its log, and by each command`, async () => {
      const given = make();
      const running = await startSaying(given);
      await until("it has met its Redis", () => sees.test(running.said()));
      await running.askAll();
      for (const command of COMMANDS.slice(1)) {
        const { said } = await say(command, given);
        expect(findCanary(said)).toEqual([]);
      }
      await running.askAll();
      expect(findCanary(await running.end("SIGTERM"))).toEqual([]);
    });
  }

  test("says nothing of it when its connections are cut, when it stands by and when it crashes", async () => {
    // Not on the command line: that is everybody's to see, and a crash shows it.
    const given = {
      environment: {
        Redis__ConnectionString: `127.0.0.1:${locked.port}`,
        Redis__User: "gateway",
        Redis__Password: CANARY,
      },
    };
    const first = await startSaying(given);
    const second = await startSaying(given);
    await until("one stands by", () => second.said().includes("gateway_standing_by"));
    await locked.client.call("CLIENT", "KILL", "USER", "gateway");
    await second.askAll();
    expect(findCanary(await first.end("SIGSEGV"))).toEqual([]);
    await until("the other one works", () => second.said().includes("gateway_recovered"));
    await locked.client.call("ACL", "SETUSER", "gateway", "resetpass", ">other");
    await locked.client.call("CLIENT", "KILL", "USER", "gateway");
    await until("it is refused", () => second.said().includes("WRONGPASS"));
    await second.askAll();
    expect(findCanary(await second.end("SIGABRT"))).toEqual([]);
    await locked.client.call("ACL", "SETUSER", "gateway", "resetpass", `>${CANARY}`);
  });

  test("says nothing of its file when it is spoilt while it runs", async () => {
    const file = write(CANARY);
    const url = write(`redis://gateway:${CANARY_IN_URL}@127.0.0.1:${locked.port}`);
    for (const [flags, path] of [
      [[connection(), "--Redis.User=gateway", `--Redis.PasswordFile=${file}`], file],
      [[`--Redis.ConnectionStringFile=${url}`], url],
    ] as const) {
      const running = await startSaying({ flags: [...flags] });
      await until("it works", () => running.said().includes("gateway_recovered"));
      writeFileSync(path, Buffer.from(`h,${CANARY},password=${CANARY}\xff`, "latin1"));
      await locked.client.call("CLIENT", "KILL", "USER", "gateway");
      await until("it says so", () => running.said().includes("credentials_refused"));
      writeFileSync(path, `h,password=${CANARY},nonsense`);
      await locked.client.call("CLIENT", "KILL", "USER", "gateway");
      await running.askAll();
      expect(findCanary(await running.end("SIGTERM"))).toEqual([]);
    }
  });

  test("shows a sender with a wrong password nothing of the right one", async () => {
    const port = await freePort();
    const listen = `--Embedded.ListenAddress=127.0.0.1:${port}`;
    const running = await startSaying({ flags: [listen, `--Embedded.Password=${CANARY}`] });
    for (const password of ["", "wrong", `${CANARY}x`]) {
      const push = await say(COMMANDS[3]!, { flags: [listen, `--Embedded.Password=${password}`] });
      expect(push.code).toBe(1);
      expect(findCanary(push.said)).toEqual([]);
    }
    await running.askAll();
    expect(findCanary(await running.end("SIGTERM"))).toEqual([]);
  });
});

/** Logged in as it should be. */
function right(): string[] {
  return [connection(), "--Redis.User=gateway", `--Redis.Password=${CANARY}`];
}

function connection(options = ""): string {
  return `--Redis.ConnectionString=127.0.0.1:${locked.port}${options}`;
}

function tls(key: string): Given {
  return {
    flags: [
      "--Redis.ConnectionString=rediss://h",
      `--Redis.TlsCertificateFile=${certificates.certificate}`,
      `--Redis.TlsKeyFile=${write(key)}`,
    ],
  };
}

function write(content: string | Buffer): string {
  const path = join(folder, `file-${++files}`);
  writeFileSync(path, content);
  return path;
}

/**
 * Each command ends with 2 and says what is wrong, and that is not the secret. A health check, which
 * has no use for keys, may end otherwise.
 */
async function expectRefused(given: Given): Promise<void> {
  await Promise.all(
    COMMANDS.map(async (command) => {
      const { code, said } = await say(command, given);
      expect(findCanary(said)).toEqual([]);
      if (command[0] === "healthcheck" && !said.startsWith("config: ")) return;
      expect([command[0], code]).toEqual([command[0], 2]);
      expect(said).toStartWith("config: ");
    }),
  );
}

/** Runs a command to its end. */
async function say(command: readonly string[], given: Given) {
  const cwd = folderOf(given);
  const { flags = [], environment } = given;
  const trace = "--Logging.LogLevel.Default=Trace";
  const ended = await runBinary([...command, trace, ...flags], { cwd, environment });
  return { code: ended.code, said: ended.stdout + ended.stderr };
}

/** A gateway that runs, and all that it has said. */
interface Saying {
  said(): string;
  /** Asks for all pages, and looks for the canary in the answers. */
  askAll(): Promise<void>;
  /** All that it has said by its end. */
  end(signal: NodeJS.Signals): Promise<string>;
}

async function startSaying(given: Given): Promise<Saying> {
  const { flags = [], environment } = given;
  const cwd = folderOf(given);
  const general = [
    "--Web.ListenAddress=127.0.0.1:0",
    "--Logging.LogLevel.Default=Trace",
    ...["--Web.EnableAdminApi=true", "--Gateway.LeaseMs=500", "--Checkpoint.IntervalMs=50"],
  ];
  const child = Bun.spawn([BINARY, ...general, ...flags], {
    cwd,
    env: { PATH: process.env.PATH, ...environment },
    stdout: Bun.file(join(cwd, "said")),
    stderr: Bun.file(join(cwd, "errors")),
  });
  ends.push(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  const said = () => {
    const names = readdirSync(cwd).filter((name) => name === "said" || name === "errors");
    return names.map((name) => readFileSync(join(cwd, name), "utf8")).join("");
  };
  const url = await until("it serves", () => {
    return /"metrics":"(http:\/\/localhost:\d+)\/metrics"/.exec(said())?.[1];
  });
  return {
    said,
    askAll: async () => {
      for (const [method, path, headers = {}] of PAGES) {
        const answer = await fetch(`${url}${path}`, { method, headers });
        const shown = `${JSON.stringify([...answer.headers])} ${await answer.text()}`;
        expect([path, findCanary(shown)]).toEqual([path, []]);
      }
    },
    end: async (signal) => {
      child.kill(signal);
      await child.exited;
      return said();
    },
  };
}

/** A working directory, with the settings file if there is one. */
function folderOf({ file }: Given): string {
  const path = mkdtempSync(join(folder, "at-"));
  if (file !== undefined) writeFileSync(join(path, "appsettings.json"), file);
  return path;
}
