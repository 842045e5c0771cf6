import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../../src/config/settings.ts";
import type { WebListener, Writing } from "../../src/http/pages.ts";
import { type Authority, makeAuthority } from "./authority.ts";
import { expositionOf, type Served, serveMetrics } from "./pages.ts";

/** What a server has told, a line each, and the file that a test may change. */
export type Told = Served & {
  told: string[];
  rewrite(webConfig: string): void;
  configFile: string;
};

/** A folder with an authority, in which a test writes a web config and starts servers with it. */
export interface WebFolder extends Authority {
  /** Writes the file, and gives its path. */
  write(name: string, text: string): string;
  /** Starts a server with this web config; `metrics` is what it shows. */
  serve(
    webConfig: string,
    settings?: Partial<Omit<Settings["web"], "listen">>,
    metrics?: () => Writing,
  ): Told;
  /** Ends all servers and takes the folder away. */
  end(): Promise<void>;
}

export async function makeWebFolder(): Promise<WebFolder> {
  const authority = await makeAuthority();
  const served: Served[] = [];
  const write = (name: string, text: string) => {
    const path = join(authority.folder, name);
    writeFileSync(path, text);
    return path;
  };
  return {
    ...authority,
    write,
    serve: (webConfig, settings = {}, metrics = () => expositionOf([Buffer.from("a 1\n")])) => {
      const told: string[] = [];
      const name = `web-${served.length}.yml`;
      const configFile = write(name, webConfig);
      const limits = { configFile, ...settings };
      const started = serveMetrics(async () => metrics(), limits, listenerOf(told));
      served.push(started);
      return { ...started, told, configFile, rewrite: (text) => void write(name, text) };
    },
    end: async () => {
      for (const { server } of served.splice(0)) await server.stop(true);
      authority.remove();
    },
  };
}

export function listenerOf(told: string[]): WebListener {
  return {
    requestRefused: () => {},
    requestFailed: () => {},
    accessRefused: (reason) => told.push(`request refused: ${reason}`),
    handshakeFailed: (_, reason) => told.push(`handshake failed: ${reason}`),
    certificateRefused: (_, reason) => told.push(`certificate refused: ${reason}`),
    certificateServed: () => {},
    webConfigReloaded: () => told.push("reloaded"),
    webConfigRefused: (fault) => told.push(`refused: ${fault}`),
  };
}
