import { existsSync, readFileSync } from "node:fs";
import { loadSettings, type SettingsLoaded } from "../config/load.ts";
import { loadTls } from "../config/redis-tls.ts";
import type { Arguments } from "./arguments.ts";

const DEFAULT_FILE = "appsettings.json";

/**
 * Reads the settings as a command sees them: `--config FILE` or the working directory's file.
 * `needsRedis`: whether what TLS needs is read, too.
 */
export function readSettings(
  flags: Arguments["flags"],
  configFile: string | undefined,
  needsRedis: boolean,
): SettingsLoaded {
  const filePath = configFile ?? DEFAULT_FILE;
  let fileText: string | undefined;
  if (configFile !== undefined || existsSync(filePath)) {
    try {
      fileText = readFileSync(filePath, "utf8");
    } catch (error) {
      return { ok: false, faults: [`config: cannot read the file: ${(error as Error).message}`] };
    }
  }
  const loaded = loadSettings({ fileText, filePath, environment: process.env, flags });
  const fault = loaded.ok && needsRedis ? loadTls(loaded.settings) : undefined;
  return fault === undefined ? loaded : { ok: false, faults: [fault] };
}
