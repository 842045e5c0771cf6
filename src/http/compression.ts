import { constants, createGzip, createZstdCompress } from "node:zlib";
import type { ByteSource } from "./byte-source.ts";
import type { Encoding } from "./negotiate.ts";

/** What takes least time to the last byte: see docs/performance.md. */
const GZIP_LEVEL = 1;
const ZSTD_LEVEL = 1;

/** As large as a chunk of an exposition: what comes of it is given in one piece. */
const OUTPUT_LENGTH = 64 * 1024;

/**
 * Compressed bytes of another source, which it ends with itself. It asks that one for more only when it
 * has nothing left to give. Threads of the runtime's pool compress, so that samples are taken meanwhile;
 * `CompressionStream` would do it on the main thread.
 */
export class Compression implements ByteSource {
  readonly #plain: ByteSource;
  readonly #stream: ReturnType<typeof createGzip | typeof createZstdCompress>;
  #isWriting = false;
  #hasAll = false;
  #state: "open" | "ended" | "done" | { failure: Error } = "open";
  #wake: () => void = () => {};

  constructor(plain: ByteSource, encoding: Exclude<Encoding, "identity">) {
    this.#plain = plain;
    const chunkSize = OUTPUT_LENGTH;
    const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
    this.#stream =
      encoding === "gzip"
        ? createGzip({ chunkSize, level: GZIP_LEVEL })
        : createZstdCompress({ chunkSize, params });
    this.#stream
      .on("readable", () => this.#wake())
      .on("end", () => this.#settle("done"))
      .on("error", (failure) => this.#settle({ failure }));
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes: Buffer | null = this.#stream.read();
      if (bytes !== null) return bytes;
      const state = this.#state;
      if (state === "done") return undefined;
      if (state === "ended") throw new Error("the answer was ended");
      if (state !== "open") throw state.failure;
      if (this.#isWriting || this.#hasAll) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        await this.#feed();
      }
    }
  }

  end(): void {
    this.#plain.end();
    this.#settle("ended");
    this.#stream.destroy();
  }

  async #feed(): Promise<void> {
    const bytes = await this.#plain.next();
    if (bytes === undefined) {
      this.#hasAll = true;
      this.#stream.end();
      return;
    }
    this.#isWriting = true;
    this.#stream.write(bytes, () => {
      this.#isWriting = false;
      this.#wake();
    });
  }

  #settle(state: "ended" | "done" | { failure: Error }): void {
    if (this.#state === "open") this.#state = state;
    this.#wake();
  }
}
