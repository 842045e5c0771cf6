import { type RenderedFamily, renderText } from "../../src/exposition/text.ts";
import type { RegistrySnapshot } from "../../src/registry/registry.ts";

/** The whole exposition of a snapshot, which is released. */
export function rendered(
  snapshot: RegistrySnapshot | undefined,
  own: readonly RenderedFamily[] = [],
): string {
  const text = Buffer.concat([...renderText(snapshot, own)]).toString();
  snapshot?.release();
  return text;
}
