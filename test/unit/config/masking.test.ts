import { expect, test } from "bun:test";
import fc from "fast-check";
import { loadSettings, type SettingsInput } from "../../../src/config/load.ts";

const CONNECTION = "Redis.ConnectionString";
const RUNS = { numRuns: 1000 };

/** A password that cannot be in a text by chance, with all that is special in either notation. */
const password = fc
  .string({
    unit: fc.oneof(fc.constantFrom(..."@:/?#%,= \"'\\{}[]$&\n\t"), fc.string({ unit: "binary" })),
    maxLength: 16,
  })
  .map((text) => `canary${text.toWellFormed()}canary`);

/**
 * Left out is only what makes another well-formed string: a comma ends an option's value, and in a
 * URL a user's name ends at a colon and the password at "@".
 */
const WRITINGS: [well: "formed" | "perhaps", write: (password: string) => string][] = [
  ["formed", (text) => `h:1,password=${text.replaceAll(",", "")},ssl=true`],
  ["formed", (text) => `h,PASSWORD = ${text.replaceAll(",", "")} `],
  ["formed", (text) => `redis://user:${encodeURIComponent(text)}@h:1/2`],
  ["formed", (text) => `rediss://:${encodeURIComponent(text)}@[::1]`],
  ["perhaps", (text) => `h,password=${text}`],
  ["perhaps", (text) => `h,password=${text},nonsense=1`],
  ["perhaps", (text) => `h,pasword=${text}`],
  ["perhaps", (text) => `h,password=${text},connectTimeout=x`],
  ["perhaps", (text) => `h:x,password=${text}`],
  ["perhaps", (text) => `password=${text}`],
  ["perhaps", (text) => `h,tunnel=http://u:${text.replaceAll(",", "")}@p`],
  ["perhaps", (text) => `h,user:${text}@h`],
  ["perhaps", (text) => `u:${text}@h:1`],
  ["perhaps", (text) => `redis://user:${text}@h`],
  ["perhaps", (text) => `redis://user:${text.replaceAll("@", "")}`],
  ["perhaps", (text) => `redis://${text.replaceAll(":", "")}@h`],
  ["perhaps", (text) => `redis://:${text}@:x`],
  ["perhaps", (text) => `rediss://user:${text}@h/x?y=z`],
  ["perhaps", (text) => `redis://h?password=${text}`],
  ["perhaps", (text) => `redis://h/${text}`],
  ["perhaps", (text) => `http://user:${text}@h`],
  ["perhaps", (text) => `unix:/${text}`],
];

/** Each source that can hold the string. */
const SOURCES: ((value: string) => Partial<SettingsInput>)[] = [
  (value) => ({ fileText: JSON.stringify({ Redis: { ConnectionString: value } }) }),
  (value) => ({ environment: { Redis__ConnectionString: value } }),
  (value) => ({ flags: [{ name: CONNECTION, value }] }),
];

test("a password is in no fault and in no setting shown, however the string is written", () => {
  fc.assert(
    fc.property(
      password,
      fc.constantFrom(...WRITINGS),
      fc.constantFrom(...SOURCES),
      (secret, [well, write], from) => {
        const { ok, shown } = load(from(write(secret)));
        for (const text of shown) expect(text).not.toContain("canary");
        if (well === "formed") expect(ok).toBe(true);
        if (!ok) expect(shown).toHaveLength(1);
      },
    ),
    RUNS,
  );
});

test("a well-formed string gives the very password", () => {
  fc.assert(
    fc.property(
      password,
      fc.constantFrom(...WRITINGS.filter(([well]) => well === "formed")),
      (secret, [, write]) => {
        const value = write(secret);
        const result = loadSettings(input({ flags: [{ name: CONNECTION, value }] }));
        const expected = value.includes("://") ? secret : secret.replaceAll(",", "");
        expect(result.ok && result.settings.redis.connection.password).toBe(expected);
      },
    ),
    RUNS,
  );
});

test("a password is in no fault about a file that is broken anywhere", () => {
  const text = JSON.stringify({ Redis: { ConnectionString: "h,password=canary" } });
  fc.assert(
    fc.property(
      fc.nat(text.length),
      fc.nat(3),
      fc.constantFrom("", '"', "{", "}", ",", "\\", "\n", "/*", "[", "x"),
      (offset, removed, added) => {
        const fileText = text.slice(0, offset) + added + text.slice(offset + removed);
        const { ok, shown } = load({ fileText });
        // A file that is whole may have lost the word `password`, and has a host or a key instead.
        if (!ok) for (const line of shown) expect(line).not.toMatch(/password=canary|\n/);
      },
    ),
    RUNS,
  );
});

/** All that a person may come to see: the faults, or the settings in force. */
function load(given: Partial<SettingsInput>): { ok: boolean; shown: string[] } {
  const result = loadSettings(input(given));
  if (!result.ok) return { ok: false, shown: result.faults };
  return { ok: true, shown: result.effective.map((setting) => Object.values(setting).join(" ")) };
}

function input(given: Partial<SettingsInput>): SettingsInput {
  return { fileText: undefined, filePath: "f.json", environment: {}, flags: [], ...given };
}
