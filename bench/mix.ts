import { readFileSync, writeFileSync } from "node:fs";
import { makeMessage } from "../src/cli/load.ts";

/** So many distinct messages are made once; a longer backlog repeats them in the same order. */
const DISTINCT = 200_000;

/** Writes random samples of the load tool's mix, a message a line. */
export function writeMixFile(path: string): void {
  let text = "";
  for (let i = 0; i < DISTINCT; i++) text += `${makeMessage()}\n`;
  writeFileSync(path, text);
}

/** Each message is a string of its own, not a window into one large string. */
export function readMixFile(path: string): string[] {
  const bytes = readFileSync(path);
  const messages: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf("\n", start);
    messages.push(bytes.toString("latin1", start, end));
    start = end + 1;
  }
  return messages;
}
