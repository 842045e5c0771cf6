import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { renderJsonSchema } from "../../../schema/generate.ts";
import { decodeMessage } from "../../../src/sample/decode.ts";
import { DROP_ADVICE } from "../../../src/sample/drop-advice.ts";
import { DROP_REASONS } from "../../../src/sample/drop-reason.ts";
import { LIMITS } from "../../support/arbitrary-messages.ts";

const readme = await Bun.file(join(import.meta.dir, "../../../README.md")).text();

/** A section from its heading to the next one of that level. */
function section(heading: string): string {
  const start = readme.indexOf(`\n## ${heading}\n`);
  return readme.slice(start, readme.indexOf("\n## ", start + 1));
}

/** The names in the first column of the table that begins with a cell. */
function firstColumn(text: string, head: string): string[] {
  const rows = text
    .slice(text.indexOf(`| ${head} `))
    .split("\n\n", 1)[0]
    .split("\n")
    .slice(2);
  return rows.flatMap((row) => [...row.split(" | ")[0].matchAll(/`(\w+)`/g)].map(([, n]) => n));
}

describe("the README", () => {
  test("has a row for each field of the JSON Schema, and no other", () => {
    const forms: { properties?: object }[] = Object.values(
      JSON.parse(renderJsonSchema("legacy")).$defs,
    );
    const fields = new Set(forms.flatMap(({ properties = {} }) => Object.keys(properties)));
    expect(firstColumn(section("Messages"), "Field").sort()).toEqual([...fields].sort());
  });

  test("has the drop reasons, in their order", () => {
    expect(firstColumn(section("Dropped samples"), "Reason")).toEqual([...DROP_REASONS]);
  });

  test("advises what the status page does", () => {
    const rows = section("Dropped samples").matchAll(/^\| `(\w+)` .*\|([^|]+)\|$/gm);
    const advised = [...rows].map(([, reason, advice]) => [reason, advice.trim()]);
    expect(Object.fromEntries(advised)).toEqual({ ...DROP_ADVICE });
  });

  const examples = [...section("Messages").matchAll(/```json\n([\s\S]*?)```/g)];

  test("has an example of each form", () => {
    expect(examples).toHaveLength(9);
  });

  for (const [, text] of examples) {
    test(`has an example that is taken: ${text.replace(/\s+/g, " ")}`, () => {
      expect(decodeMessage(Buffer.from(text), LIMITS).map(({ ok }) => ok)).toEqual([true]);
    });
  }
});
