import type { LogFormat, LogLevel } from "../config/setting-schemas.ts";
import {
  EVENTS,
  type EventDeclaration,
  type EventName,
  type FieldsOf,
  type FieldValue,
} from "./event-list.ts";

const SEVERITY: Record<LogLevel, number> = {
  trace: 0,
  debug: 1,
  information: 2,
  warning: 3,
  error: 4,
  critical: 5,
  none: 6,
};

/** Characters of a text that others have made, such as a name. */
const TEXT_MAX = 1000;

export interface LogOptions {
  level: LogLevel;
  /** By area in lower case. */
  levels: ReadonlyMap<string, LogLevel>;
  format: LogFormat;
  /** Where it is read by a person. */
  isTerminal: boolean;
  write: (line: string) => void;
}

/** Writes one line an event: a JSON object, or readable text. */
export class Log {
  #options: LogOptions;
  #isText: boolean;

  constructor(options: LogOptions) {
    this.#options = options;
    const { format, isTerminal } = options;
    this.#isText = format === "auto" ? isTerminal : format === "text";
  }

  /** `suppressed`: lines of the event that were left out before this one. */
  write<N extends EventName>(event: N, fields: FieldsOf<N>, suppressed = 0): void {
    const { level, area, remedy }: EventDeclaration = EVENTS[event];
    const { levels, level: defaultLevel, write } = this.#options;
    if (SEVERITY[level] < SEVERITY[levels.get(area) ?? defaultLevel]) return;
    const time = new Date().toISOString();
    const all: Record<string, FieldValue> = { ...fields };
    for (const [name, value] of Object.entries(all)) {
      if (typeof value === "string") all[name] = value.slice(0, TEXT_MAX);
    }
    if (suppressed > 0) all.suppressed = suppressed;
    if (remedy !== undefined) all.remedy ??= remedy;
    write(
      this.#isText
        ? `${time} ${level.toUpperCase().padEnd(11)} ${area}: ${event}${textFields(all)}\n`
        : `${JSON.stringify({ time, level, area, event, ...all })}\n`,
    );
  }
}

function textFields(fields: Record<string, FieldValue>): string {
  let text = "";
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    // Quoted when it is a string: a payload must not be able to forge a line.
    text += ` ${name}=${typeof value === "string" ? JSON.stringify(value) : value}`;
  }
  return text;
}
