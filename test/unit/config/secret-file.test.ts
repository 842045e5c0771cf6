import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import { loadSettings, type SettingsInput } from "../../../src/config/load.ts";
import { SETTINGS, type Setting, secretFileName } from "../../../src/config/settings.ts";
import { readSecretFile, shownPath } from "../../../src/config/text-file.ts";

const NAME = "Redis.PasswordFile";
const SECRETS = (Object.values(SETTINGS) as Setting[]).filter(({ mask }) => mask !== undefined);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gateway-secrets-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a secret in a file of its own", () => {
  test("is what each masked setting takes, and nothing else", () => {
    expect(SECRETS.map(secretFileName)).toEqual([
      "Redis.ConnectionStringFile",
      "Redis.PasswordFile",
      "Embedded.PasswordFile",
    ]);
    const flags = [{ name: "Redis.MetricQueueKeyFile", value: "/x" }];
    expect(faults({ flags })[0]).toContain("is no setting");
  });

  for (const setting of SECRETS) {
    const name = secretFileName(setting)!;
    const [section, last] = name.split(".");
    const given: Partial<SettingsInput>[] = [
      { fileText: `{ "${section}": { "${last}": "/run/x" } }` },
      { environment: { [`${section}__${last}`]: "/run/x" } },
      { flags: [{ name: name.toLowerCase(), value: "/run/x" }] },
    ];
    test(`${name} is read from each source, masked, and says where the value stands`, () => {
      for (const each of given) {
        const paths: string[] = [];
        const result = loadSettings(input(each), (path) => {
          paths.push(path);
          return { ok: true, text: "h:1,password=canary" };
        });
        if (!result.ok) throw new Error(result.faults.join("\n"));
        expect(paths).toEqual(["/run/x"]);
        const shown = result.effective.find((one) => one.name === setting.name);
        expect(shown?.source).toBe(`file /run/x, named by ${name}`);
        expect(shown?.text).toEndWith("***");
        expect(result.effective.map((one) => one.name)).not.toContain(name);
      }
    });

    test(`${name} and ${setting.name} must not both be set, whatever the sources`, () => {
      const twins = [
        { name: setting.name, value: "canary:1" },
        { name, value: "/run/x" },
      ];
      expect(faults({ flags: twins })).toEqual([
        `config: ${setting.name} and ${name} must not both be set (flag --${setting.name}, flag --${name})`,
      ]);
      const environment = { [`${section}__${last}`]: "/run/x" };
      expect(faults({ environment, flags: twins.slice(0, 1) })[0]).toEndWith(
        `must not both be set (flag --${setting.name}, environment ${section}__${last})`,
      );
    });
  }

  test("is not read where no path is given", () => {
    const flags = [{ name: NAME, value: "" }];
    expect(password({ flags })).toBe("");
    expect(password({ flags: [...flags, { name: "Redis.Password", value: "p" }] })).toBe("p");
  });

  test("wins over a value that is empty", () => {
    const flags = [
      { name: "Redis.Password", value: "" },
      { name: NAME, value: write("s3") },
    ];
    expect(password({ flags })).toBe("s3");
  });

  for (const [what, content, read] of [
    ["a newline", "s3cret\n", "s3cret"],
    ["a carriage return and a newline", "s3cret\r\n", "s3cret"],
    ["nothing", " s3cret\t", " s3cret\t"],
    ["two newlines", "s3cret\n\n", "s3cret\n"],
    ["a carriage return", "s3cret\r", "s3cret\r"],
    ["what is special in a connection string", "p,a=s@s/w%6frd\n", "p,a=s@s/w%6frd"],
    ["letters of all kinds", "pässwörd🔑\n", "pässwörd🔑"],
  ] as const) {
    test(`ends in ${what}: of newlines the last one alone is cut`, () => {
      expect(password({ flags: [{ name: NAME, value: write(content) }] })).toBe(read);
    });
  }

  test("may be reached through a link, as Kubernetes has it, and be as long as 64 KiB", () => {
    const link = join(folder, "link");
    symlinkSync(write("x".repeat(65_536)), link);
    expect(password({ flags: [{ name: NAME, value: link }] })).toHaveLength(65_536);
  });

  const wrong: [what: string, make: () => string | Promise<string>, fault: string][] = [
    [
      "is not there",
      () => join(folder, "none"),
      "cannot be read: ENOENT: no such file or directory",
    ],
    ["is a folder", () => folder, "must be a file, not a folder"],
    ["is a pipe", makePipe, "must be a file, not a pipe"],
    ["is a device", () => "/dev/zero", "must be a file, not a device or a socket"],
    ["is empty", () => write(""), "must not be an empty file"],
    ["holds a newline alone", () => write("\n"), "must not be an empty file"],
    [
      "is long",
      () => write(`canary${"x".repeat(65_536)}`),
      "must be a file of 65536 bytes at most",
    ],
    ["is no text", () => write(Buffer.from("canary\xff", "latin1")), "must be a text in UTF-8"],
  ];
  for (const [what, make, fault] of wrong) {
    test(`is a fault with the path and without the content when the file ${what}`, async () => {
      const path = await make();
      expect(faults({ flags: [{ name: NAME, value: path }] })).toEqual([
        `config: ${NAME} ${fault}, got ${JSON.stringify(cut(path))} (flag --${NAME})`,
      ]);
    });
  }

  test("is in no fault when it stands where its path belongs", () => {
    for (const value of [
      "canary",
      "redis://u:canary@h",
      "h:1,password=canary",
      "//canary",
      "a\0canary",
    ]) {
      for (const { name } of SECRETS.map((setting) => ({ name: secretFileName(setting)! }))) {
        const lines = faults({ flags: [{ name, value }] });
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/cannot be read: .*, got "\*\*\*"/);
        expect(lines[0]).not.toContain("canary");
      }
    }
  });

  test("is in no fault when it is no connection string", () => {
    const path = write("redis://u:ca nary@canary@h\n");
    const name = "Redis.ConnectionStringFile";
    const [line, ...more] = faults({ flags: [{ name, value: path }] });
    expect(more).toEqual([]);
    expect(line).toStartWith("config: Redis.ConnectionString must ");
    expect(line).toEndWith(`(file ${path}, named by ${name})`);
    expect(line).not.toContain("canary");
  });
});

test("a path is shown where it looks like one", () => {
  for (const path of ["/run/x", "./x", "../x", "C:\\x"]) expect(shownPath(path)).toBe(path);
  for (const path of ["x", "a/b", "redis://h", "//h", "/etc/-----BEGIN PRIVATE KEY-----"])
    expect(shownPath(path)).toBe("***");
});

test("a file that cannot be read says why without its path", () => {
  for (const path of ["canary", "canary/x", `${write("x")}/canary`, "a\0canary"]) {
    const read = readSecretFile(path);
    expect(read.ok).toBe(false);
    expect(JSON.stringify(read)).not.toContain("canary");
  }
});

let files = 0;

function write(content: string | Buffer): string {
  const path = join(folder, `secret-${++files}`);
  writeFileSync(path, content);
  return path;
}

async function makePipe(): Promise<string> {
  const path = join(folder, "pipe");
  await $`mkfifo ${path}`;
  return path;
}

function cut(path: string): string {
  return path.length > 60 ? `${path.slice(0, 60)}...` : path;
}

function password(given: Partial<SettingsInput>): string {
  const result = loadSettings(input(given));
  if (!result.ok) throw new Error(result.faults.join("\n"));
  return result.settings.redis.access.password;
}

function faults(given: Partial<SettingsInput>): string[] {
  const result = loadSettings(input(given));
  return result.ok ? [] : result.faults;
}

function input(given: Partial<SettingsInput>): SettingsInput {
  return { fileText: undefined, filePath: "f.json", environment: {}, flags: [], ...given };
}
