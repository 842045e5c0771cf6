import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const PAGE = readFileSync(join(ROOT, "SECURITY.md"), "utf8");
const NAMED = /`(test\/[\w/.-]+\.test\.ts)`: "([^"]+)"/g;

test("each test that SECURITY.md names is there", () => {
  const named = [...PAGE.matchAll(NAMED)].map(([, file, name]) => ({ file, name }));
  expect(named.length).toBeGreaterThan(30);
  const missing = named.filter(({ file, name }) => {
    const path = join(ROOT, file);
    return (
      !existsSync(path) || !namesOf(readFileSync(path, "utf8")).some((one) => one.includes(name))
    );
  });
  expect(missing).toEqual([]);
});

test("each threat of SECURITY.md has a test", () => {
  const rows = PAGE.slice(PAGE.indexOf("## At the HTTP port")).split("\n");
  const threats = rows.filter((row) => row.startsWith("| ") && !/^\| (Threat|-+) /.test(row));
  expect(threats.length).toBeGreaterThan(20);
  expect(threats.filter((row) => !/`test\/[^`]+`: "/.test(row))).toEqual([]);
});

/** What a file calls its tests, or groups of them. */
function namesOf(text: string): string[] {
  return [...text.matchAll(/\b(?:test|describe)\(\s*(["`])(.*?)\1/gs)].map(([, , name]) => name);
}
