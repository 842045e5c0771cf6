import type { Settings } from "../config/settings.ts";
import { readWebFiles, stampOf, type WebFiles, type WebFilesRead } from "../config/web-files.ts";
import type { WebListener } from "./pages.ts";

const LOOK_MS = 1000;

type Listener = Pick<WebListener, "certificateServed" | "webConfigReloaded" | "webConfigRefused">;

/**
 * `Web.ConfigFile`, what it names, and `Web.BearerTokenFile`: read at the start and when one of them has
 * changed. A change counts when it is the same at two looks, a second apart: a file that is being
 * written, or a key whose certificate is still to come, is not taken for what it will be.
 */
export class WebWatch {
  readonly #web: Settings["web"];
  readonly #listener: Listener;
  readonly #timer: Timer | undefined;
  #files: WebFiles;
  /** Of the files as they were when they were read. */
  #readAt: ReadonlyMap<string, string>;
  #seen: string;

  /** Fails when the files are wrong. */
  constructor(web: Settings["web"], listener: Listener) {
    this.#web = web;
    this.#listener = listener;
    const read = readWebFiles(web);
    if (!read.ok) throw new Error(read.faults.join("\n"));
    this.#files = read.files;
    this.#readAt = read.stamps;
    this.#seen = [...read.stamps.values()].join();
    this.#tellCertificate();
    if (!this.isWatching) return;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** What counts now. */
  get files(): WebFiles {
    return this.#files;
  }

  get isWatching(): boolean {
    return this.#readAt.size > 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks whether a file has changed, and reads all of them if one has. */
  look(): void {
    const stamps = [...this.#readAt.keys()].map(stampOf).join();
    const hasSettled = stamps === this.#seen;
    this.#seen = stamps;
    if (!hasSettled || stamps === [...this.#readAt.values()].join()) return;
    const read = readWebFiles(this.#web);
    const fault = this.#faultOf(read);
    // Where they are wrong, those of before stay under watch: they may be what makes it right.
    const before = [...this.#readAt.keys()].map((path) => [path, stampOf(path)] as const);
    this.#readAt = fault === undefined ? read.stamps : new Map([...before, ...read.stamps]);
    this.#seen = [...this.#readAt.values()].join();
    if (fault === undefined && read.ok) {
      this.#files = read.files;
      this.#tellCertificate();
      this.#listener.webConfigReloaded(read.files.tls?.expiresMs);
    } else this.#listener.webConfigRefused(fault ?? "");
  }

  #tellCertificate(): void {
    const { tls } = this.#files;
    if (tls !== undefined) this.#listener.certificateServed(tls.expiresMs);
  }

  #faultOf(read: WebFilesRead): string | undefined {
    if (!read.ok) return read.faults.join("; ");
    if ((read.files.tls === undefined) === (this.#files.tls === undefined)) return undefined;
    return "web config: tls_server_config cannot come or go while the gateway runs: restart it";
  }
}
