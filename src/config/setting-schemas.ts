import * as v from "valibot";
import { parseConnectionString } from "./connection-string.ts";
import { parseListenAddress } from "./listen-address.ts";

/** Text in, typed value out; the message of its issue goes on from the setting's name. */
export type SettingSchema<T> = v.GenericSchema<string, T>;

export function integer(min: number, max: number): SettingSchema<number> {
  return v.pipe(
    v.string(),
    v.trim(),
    v.check(
      (text) => /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max,
      `must be ${min}..${max}`,
    ),
    v.transform(Number),
  );
}

/** One of some words, written in any case; `named`: as a person reads them. */
function oneOf<const T extends string>(words: readonly T[], named: string): SettingSchema<T> {
  return v.pipe(v.string(), v.trim(), v.toLowerCase(), v.picklist(words, `must be ${named}`));
}

/** A schema from a parser that says what is wrong. */
export function parsed<T>(
  parse: (text: string) => { ok: true; value: T } | { ok: false; fault: string },
): SettingSchema<T> {
  return v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const result = parse(dataset.value);
      if (result.ok) return result.value;
      addIssue({ message: result.fault });
      return NEVER;
    }),
  );
}

export const boolean: SettingSchema<boolean> = v.pipe(
  oneOf(["true", "false"], "true or false"),
  v.transform((text) => text === "true"),
);

export const logLevel = oneOf(
  ["trace", "debug", "information", "warning", "error", "critical", "none"],
  "Trace, Debug, Information, Warning, Error, Critical or None",
);

export type LogLevel = v.InferOutput<typeof logLevel>;

/** `auto`: text on a terminal, else JSON. */
export const logFormat = oneOf(["auto", "json", "text"], "auto, json or text");

export type LogFormat = v.InferOutput<typeof logFormat>;

/** Which metric and label names are taken: those of old, or all of Prometheus 3. */
export const nameValidation = oneOf(["legacy", "utf8"], "legacy or utf8");

export type NameValidation = v.InferOutput<typeof nameValidation>;

export const onLimit = oneOf(["drop", "overflow"], "drop or overflow");

export const connectionString = parsed((text) => {
  const result = parseConnectionString(text);
  return result.ok ? { ok: true, value: result.connection } : result;
});

export const listenAddress = parsed((text) => {
  const result = parseListenAddress(text);
  return result.ok ? { ok: true, value: result.address } : result;
});

/** Empty: nowhere. */
export const optionalListenAddress = parsed((text) => {
  if (text.trim() === "") return { ok: true, value: undefined };
  const result = parseListenAddress(text);
  return result.ok ? { ok: true, value: result.address } : result;
});

export const queueKey: SettingSchema<string> = v.pipe(
  v.string(),
  v.nonEmpty("must not be empty"),
  v.check(
    (key) => !key.includes("}") || /^[^{]*\{[^}]+\}/.test(key),
    'must not hold "}" but as the end of a hash tag such as {tag}',
  ),
);

/** Empty: none. */
export const optionalText: SettingSchema<string> = v.string();

export const hostName: SettingSchema<string> = v.pipe(
  v.string(),
  v.regex(/^[\w.-]*$/, "must be a name of a host, without a port"),
);

/** Paths, with commas between; empty: none. */
export const paths: SettingSchema<string[]> = v.pipe(
  v.string(),
  v.transform((text) => text.split(",").map((path) => path.trim())),
  v.transform((paths) => paths.filter((path) => path !== "")),
  v.check(
    (paths) => paths.every((path) => /^\/[^\s?#*]*\*?$/.test(path)),
    "must be paths such as /metrics or /-/*, with commas between",
  ),
);

export const gatewayId: SettingSchema<string> = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 letters, digits, dots, dashes or underscores"),
);
