import type { LogLevel } from "../config/settings.ts";

export type LogFields = Record<string, string | number | boolean | undefined>;

const SEVERITY: Record<LogLevel, number> = {
  trace: 0,
  debug: 1,
  information: 2,
  warning: 3,
  error: 4,
  critical: 5,
  none: 6,
};

/**
 * Writes one line an event: a JSON object, or readable text on a terminal. The event's name is
 * constant and in snake case; what varies is a field.
 */
export class Log {
  #defaultLevel: LogLevel;
  #levels: ReadonlyMap<string, LogLevel>;
  #isText: boolean;
  #write: (line: string) => void;

  /** `levels`: by area in lower case. */
  constructor(
    defaultLevel: LogLevel,
    levels: ReadonlyMap<string, LogLevel> = new Map(),
    isText: boolean = process.stdout.isTTY === true,
    write: (line: string) => void = (line) => process.stdout.write(line),
  ) {
    this.#defaultLevel = defaultLevel;
    this.#levels = levels;
    this.#isText = isText;
    this.#write = write;
  }

  /** `area` is the part of the gateway that speaks: `queue`, `worker`, `sample`, `http`, `main`. */
  write(
    level: Exclude<LogLevel, "none">,
    area: string,
    event: string,
    fields: LogFields = {},
  ): void {
    const threshold = this.#levels.get(area) ?? this.#defaultLevel;
    if (SEVERITY[level] < SEVERITY[threshold]) return;
    const time = new Date().toISOString();
    this.#write(
      this.#isText
        ? `${time} ${level.toUpperCase().padEnd(11)} ${area}: ${event}${textFields(fields)}\n`
        : `${JSON.stringify({ time, level, area, event, ...fields })}\n`,
    );
  }
}

function textFields(fields: LogFields): string {
  let text = "";
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    // Quoted when it is a string: a payload must not be able to forge a line.
    text += ` ${name}=${typeof value === "string" ? JSON.stringify(value) : value}`;
  }
  return text;
}
