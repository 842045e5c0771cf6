import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const BUILD_MS = 300_000;

const ELF_X64 = 62;
const ELF_ARM64 = 183;
const MACH_X64 = 0x0100_0007;
const MACH_ARM64 = 0x0100_000c;

let folders: string[];

beforeAll(async () => {
  folders = [];
  for (const prefix of ["gateway-build-", "gateway-build-in-another-folder-"]) {
    const folder = mkdtempSync(join(tmpdir(), prefix));
    for (const name of ["build.ts", "package.json", "package-lock.json", "tsconfig.json", "src"]) {
      cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    }
    folders.push(folder);
    // A link to ours would hide whether the place of the libraries goes into the bytes.
    const install = ["install", "--frozen-lockfile", "--production", "--ignore-scripts"];
    expect(await run(folder, install)).toMatchObject({ code: 0 });
  }
}, BUILD_MS);
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe("a build", () => {
  test("gives the same bytes in whichever folder it is made", async () => {
    for (const folder of folders) {
      expect(await build(folder, "--revision", "abc")).toEqual({ code: 0, stderr: "" });
    }
    const [first, second] = await Promise.all(
      folders.map((folder) => Bun.file(join(folder, "dist/prom-stream-gateway")).bytes()),
    );
    expect(Buffer.from(first).equals(second)).toBe(true);
    expect(Buffer.from(first).includes(folders[0])).toBe(false);
  });

  for (const [target, head, interpreter] of [
    ["linux-x64", elf(ELF_X64), "/lib64/ld-linux-x86-64.so.2"],
    ["linux-x64-musl", elf(ELF_X64), "/lib/ld-musl-x86_64.so.1"],
    ["linux-arm64", elf(ELF_ARM64), "/lib/ld-linux-aarch64.so.1"],
    ["linux-arm64-musl", elf(ELF_ARM64), "/lib/ld-musl-aarch64.so.1"],
    ["darwin-x64", machO(MACH_X64), "/usr/lib/dyld"],
    ["darwin-arm64", machO(MACH_ARM64), "/usr/lib/dyld"],
  ] as const) {
    test(
      `for ${target} is an executable of that system`,
      async () => {
        expect(await build(folders[0], "--target", target)).toEqual({ code: 0, stderr: "" });
        const path = join(folders[0], "dist", target, "prom-stream-gateway");
        const bytes = Buffer.from(await Bun.file(path).slice(0, 4096).arrayBuffer());
        expect(head(bytes)).toBe(true);
        expect(bytes.includes(`${interpreter}\0`)).toBe(true);
      },
      BUILD_MS,
    );
  }

  test(
    "takes no runtime but the one whose hash is in the lock file",
    async () => {
      const [, folder] = folders;
      const lock = Bun.file(join(folder, "package-lock.json"));
      const text = await lock.text();
      const changed = text.replace(
        /("node_modules\/@oven\/bun-linux-aarch64": \{[^}]*"integrity": "sha512-).{4}/,
        (_, before: string) => `${before}AAAA`,
      );
      expect(changed).not.toBe(text);
      await lock.write(changed);
      // What is cached was checked when it came.
      const cache = { BUN_INSTALL_CACHE_DIR: join(folder, "cache") };
      const words = ["build.ts", "--target", "linux-arm64"];
      const { code, stderr } = await run(folder, words, cache);
      expect(code).toBe(1);
      expect(stderr).toContain("Integrity check failed");
      expect(stderr).toStartWith("build: cannot install the runtime for linux-arm64:\n");
    },
    BUILD_MS,
  );

  for (const [what, flags, fault] of [
    ["target", ["--target", "linux-amd64"], 'build: unknown target "linux-amd64"\n'],
    ["flag", ["--tarket", "linux-x64"], "build: Unknown option '--tarket'"],
  ] as const) {
    test(`with an unknown ${what} says what there is`, async () => {
      const { code, stderr } = await build(folders[0], ...flags);
      expect(code).toBe(2);
      expect(stderr).toStartWith(fault);
      expect(stderr).toContain("usage: bun build.ts [--target linux-x64|linux-x64-musl|");
    });
  }
});

function build(cwd: string, ...flags: string[]): Promise<{ code: number; stderr: string }> {
  return run(cwd, ["build.ts", ...flags]);
}

async function run(
  cwd: string,
  words: readonly string[],
  environment: Record<string, string> = {},
): Promise<{ code: number; stderr: string }> {
  const child = Bun.spawn([process.execPath, ...words], {
    cwd,
    env: { ...process.env, ...environment },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stderr = await new Response(child.stderr).text();
  return { code: await child.exited, stderr };
}

/** Source: System V ABI, "ELF Header". */
function elf(machine: number): (bytes: Buffer) => boolean {
  return (bytes) =>
    bytes.toString("latin1", 0, 4) === "\x7fELF" && bytes.readUInt16LE(18) === machine;
}

/** Source: Apple's mach-o/loader.h, `mach_header_64`. */
function machO(processor: number): (bytes: Buffer) => boolean {
  return (bytes) => bytes.readUInt32LE(0) === 0xfeedfacf && bytes.readUInt32LE(4) === processor;
}
