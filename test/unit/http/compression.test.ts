import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { ByteSource } from "../../../src/http/byte-source.ts";
import { Compression } from "../../../src/http/compression.ts";

const DECODERS = { gzip: gunzipSync, zstd: zstdDecompressSync };

for (const encoding of ["gzip", "zstd"] as const) {
  describe(encoding, () => {
    test("gives the bytes of its source in parts, and then the end each time", async () => {
      const chunks = Array.from({ length: 20 }, () => randomBytes(50_000));
      const compression = new Compression(sourceOf(chunks), encoding);
      const parts: Uint8Array[] = [];
      for (let bytes = await compression.next(); bytes; bytes = await compression.next()) {
        expect(bytes.length).toBeGreaterThan(0);
        parts.push(bytes);
      }
      expect(parts.length).toBeGreaterThan(1);
      const whole = DECODERS[encoding](Buffer.concat(parts));
      expect(Buffer.compare(whole, Buffer.concat(chunks))).toBe(0);
      expect(await compression.next()).toBeUndefined();
    });

    test("asks its source for nothing while it has something to give", async () => {
      const source = sourceOf(Array.from({ length: 50 }, () => randomBytes(500_000)));
      const compression = new Compression(source, encoding);
      await compression.next();
      const asked = source.asked;
      await compression.next();
      expect(source.asked).toBe(asked);
      compression.end();
    });

    test("that was ended fails, and has ended its source", async () => {
      const source = sourceOf([randomBytes(1000)]);
      const compression = new Compression(source, encoding);
      compression.end();
      compression.end();
      await expect(compression.next()).rejects.toThrow();
      expect(source.isEnded).toBe(true);
    });

    test("that is ended while it works fails, rather than to give a part for the whole", async () => {
      const source = sourceOf([randomBytes(1_000_000)]);
      const compression = new Compression(source, encoding);
      await compression.next();
      compression.end();
      await expect(compression.next()).rejects.toThrow();
    });

    test("that is ended while it waits for the compressor fails", async () => {
      // It gives nothing before more of them have come.
      const source = sourceOf([Buffer.from("a 1\n"), Buffer.from("b 1\n")]);
      const compression = new Compression(source, encoding);
      const next = compression.next();
      await source.firstTaken;
      compression.end();
      await expect(next).rejects.toThrow();
    });

    test("fails as its source does", async () => {
      const source = sourceOf([]);
      source.next = () => Promise.reject(new Error("made for a test"));
      await expect(new Compression(source, encoding).next()).rejects.toThrow("made for a test");
    });
  });
}

function sourceOf(chunks: readonly Uint8Array[]) {
  const firstTaken = Promise.withResolvers<void>();
  const source: ByteSource & { asked: number; isEnded: boolean; firstTaken: Promise<void> } = {
    ...{ asked: 0, isEnded: false, firstTaken: firstTaken.promise },
    next: async () => {
      if (source.isEnded) throw new Error("the source was ended");
      firstTaken.resolve();
      return chunks[source.asked++];
    },
    end: () => {
      source.isEnded = true;
    },
  } satisfies ByteSource & Record<string, unknown>;
  return source;
}
