import { faultLine } from "./fault.ts";
import { type Setting, secretFileName } from "./settings.ts";
import type { Entry } from "./sources.ts";
import { type FileRead, shownPath } from "./text-file.ts";

/** What is given for a setting, and the path of the file that it stands in, or "". */
export type Given = { entry: Entry | undefined; file: string } | { fault: string };

/**
 * Takes what is given for a setting out of `chosen`: its value, or, of a secret, the file that holds
 * it. One of the two may be given, whatever the sources.
 */
export function takeGiven(
  setting: Setting,
  chosen: Map<string, Entry>,
  readSecret: (path: string) => FileRead,
): Given {
  const take = (name: string) => {
    const entry = chosen.get(name.toLowerCase());
    chosen.delete(name.toLowerCase());
    return entry;
  };
  const entry = take(setting.name);
  const fileName = secretFileName(setting);
  const file = fileName === undefined ? undefined : take(fileName);
  if (fileName === undefined || file === undefined || file.text === "") return { entry, file: "" };
  if (entry !== undefined && entry.text !== "") {
    const sources = `${entry.source}, ${file.source}`;
    return { fault: `config: ${setting.name} and ${fileName} must not both be set (${sources})` };
  }
  const read = readSecret(file.text);
  if (!read.ok) {
    return { fault: faultLine(fileName, read.fault, shownPath(file.text), file.source) };
  }
  const source = `file ${file.text}, named by ${fileName}`;
  return { entry: { name: setting.name, text: read.text, source }, file: file.text };
}
