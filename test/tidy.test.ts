import { describe, expect, test } from "bun:test";
import { join, normalize } from "node:path";

/** House rules that a reader could otherwise only remember. */

const ROOT = join(import.meta.dir, "..");

/** Each folder of `src/` may import from these, and from itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  sample: ["config", "queue"],
  registry: ["sample"],
  exposition: ["registry", "sample"],
  config: [],
  queue: ["config"],
  resp: ["config", "queue"],
  checkpoint: ["queue", "registry"],
  ingest: ["queue", "sample", "registry", "checkpoint"],
  http: ["config", "registry", "exposition", "page"],
  // Only what the API answers is typed as.
  page: ["http"],
  telemetry: ["config", "queue", "resp", "sample", "registry", "exposition", "ingest", "http"],
  cli: ["config", "queue", "sample"],
};

/** Domain code: no I/O, no clock, no logger, no timer. */
const PURE = ["sample", "registry", "checkpoint", "exposition"];
const PURE_PACKAGES = ["valibot", "node:crypto"];
const IMPURE =
  /\b(Date\.now|new Date|performance\.|setTimeout|setInterval|process\.|Bun\.|console\.|fetch\()/;

const BANNED_NAMES = /(^|\/)(utils?|helpers?|common|misc|index)(\/|\.ts$)/;

const sources = await readAll("src/**/*.{ts,tsx}");
const tests = await readAll("{test,bench}/**/*.ts");

describe("house rules", () => {
  test("folders import only from those before them on the data's way", () => {
    const faults: string[] = [];
    for (const { path, text } of sources) {
      const folder = path.split("/").length === 3 ? path.split("/")[1] : undefined;
      if (folder === undefined) continue;
      for (const imported of importsOf(text)) {
        if (!imported.startsWith(".")) continue;
        const parts = normalize(join(path, "..", imported)).split("/");
        const other = parts.length === 3 ? parts[1] : undefined;
        if (other === undefined || other === folder) continue;
        if (!MAY_IMPORT[folder]?.includes(other)) faults.push(`${path} imports ${other}`);
      }
    }
    expect(faults).toEqual([]);
  });

  test("pure folders use no I/O and no clock", () => {
    const faults: string[] = [];
    for (const { path, text } of sources) {
      if (!PURE.includes(path.split("/")[1])) continue;
      for (const imported of importsOf(text)) {
        if (!imported.startsWith(".") && !PURE_PACKAGES.includes(imported)) {
          faults.push(`${path} imports ${imported}`);
        }
      }
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      const impure = IMPURE.exec(code);
      if (impure) faults.push(`${path} uses ${impure[0]}`);
    }
    expect(faults).toEqual([]);
  });

  test("no file is called utils, helpers, common, misc or index", () => {
    const names = [...sources, ...tests].map(({ path }) => path);
    expect(names.filter((name) => BANNED_NAMES.test(name))).toEqual([]);
  });

  test("no test is skipped, none is left for later, and none sleeps", () => {
    const faults: string[] = [];
    for (const { path, text } of tests) {
      if (path === "test/tidy.test.ts") continue;
      if (/\b(test|it|describe)\.(skip|only|todo)\b/.test(text)) faults.push(`${path} skips`);
      if (path.endsWith(".test.ts") && /\b(Bun\.sleep|setTimeout)\(/.test(text)) {
        faults.push(`${path} sleeps`);
      }
    }
    expect(faults).toEqual([]);
  });

  test("nothing is typed any or left unchecked", () => {
    const loose = /\bas any\b|@ts-ignore|@ts-nocheck/;
    const all = [...sources, ...tests].filter(({ path }) => path !== "test/tidy.test.ts");
    expect(all.filter(({ text }) => loose.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test("the dependencies are pinned, and each has its reason in docs/architecture.md", async () => {
    const { dependencies, devDependencies } = await Bun.file(join(ROOT, "package.json")).json();
    const page = await Bun.file(join(ROOT, "docs/architecture.md")).text();
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(page).toContain(`\`${name}\``);
    }
  });
});

function importsOf(text: string): string[] {
  return [...text.matchAll(/^(?:import|export)[^;]*?from "([^"]+)"/gm)].map((match) => match[1]);
}

async function readAll(pattern: string): Promise<{ path: string; text: string }[]> {
  const files: { path: string; text: string }[] = [];
  for await (const path of new Bun.Glob(pattern).scan({ cwd: ROOT })) {
    files.push({ path, text: await Bun.file(join(ROOT, path)).text() });
  }
  return files;
}
