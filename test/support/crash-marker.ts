import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file that is there once a worker of this process has crashed. */
export function crashMarker(): string {
  return join(tmpdir(), `gateway-worker-crashed-${process.pid}`);
}
