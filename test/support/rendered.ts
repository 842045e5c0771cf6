import type { Format } from "../../src/exposition/format.ts";
import type { PlainFamily } from "../../src/exposition/plain-family.ts";
import { renderExposition } from "../../src/exposition/render.ts";
import type { RegistrySnapshot } from "../../src/registry/snapshot.ts";

export const TEXT: Format = { kind: "text", version: "0.0.4", escaping: "underscores" };

/** The whole exposition of a snapshot as text, which is released. */
export function rendered(
  snapshot: RegistrySnapshot | undefined,
  own: readonly PlainFamily[] = [],
  format = TEXT,
): string {
  return renderedBytes(snapshot, own, format).toString();
}

/** The same in any format, and with created timestamps. */
export function renderedBytes(
  snapshot: RegistrySnapshot | undefined,
  own: readonly PlainFamily[],
  format: Format,
  createdTimestamps = true,
): Buffer {
  const bytes = Buffer.concat([...renderExposition(format, snapshot, own, { createdTimestamps })]);
  snapshot?.release();
  return bytes;
}
