import type { FamilySnapshot, RegistrySnapshot } from "../registry/snapshot.ts";
import { unreachable } from "../unreachable.ts";
import type { Format } from "./format.ts";
import { renderOpenMetrics } from "./open-metrics.ts";
import { type PlainFamily, snapshotOf } from "./plain-family.ts";
import { renderProtobuf } from "./protobuf.ts";
import { renderText } from "./text.ts";

export interface ExpositionOptions {
  /** Whether to say when a series began, where the format can. */
  createdTimestamps: boolean;
}

/** A family that is shown, and the snapshot that has its series. */
export interface ShownFamily {
  family: FamilySnapshot;
  snapshot: RegistrySnapshot;
}

/**
 * Renders families in the order of their names.
 *
 * `own`: in the order of their names. No name of theirs, and none that is made of it, stands in the
 * snapshot. Yields chunks of about 64 KiB or less, so that the caller can let others run in between;
 * some are empty. A chunk is the caller's.
 */
export function renderExposition(
  format: Format,
  snapshot: RegistrySnapshot | undefined,
  own: readonly PlainFamily[],
  options: ExpositionOptions,
): Generator<Uint8Array, void, undefined> {
  const families = inOrder(snapshot, snapshotOf(own));
  switch (format.kind) {
    case "text":
      return renderText(families, format.escaping);
    case "openmetrics":
      return renderOpenMetrics(families, format.escaping, options);
    case "protobuf":
      return renderProtobuf(families, format.escaping, options);
    default:
      return unreachable(format.kind);
  }
}

/** Families without a series are left out, but for the gateway's own: they say what there will be. */
function* inOrder(
  snapshot: RegistrySnapshot | undefined,
  own: ReturnType<typeof snapshotOf>,
): Generator<ShownFamily, void, undefined> {
  let nextOwn = 0;
  for (const family of snapshot?.families ?? []) {
    while (nextOwn < own.families.length && own.families[nextOwn].name < family.name) {
      yield { family: own.families[nextOwn++], snapshot: own };
    }
    if (family.series.length > 0) yield { family, snapshot: snapshot! };
  }
  for (; nextOwn < own.families.length; nextOwn++) {
    yield { family: own.families[nextOwn], snapshot: own };
  }
}
