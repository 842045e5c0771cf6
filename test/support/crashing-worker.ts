/**
 * The real worker, but for one thing: it dies at the third range that it is asked for, once in the
 * life of the process. The crash comes from within the thread, uncaught.
 */
import { existsSync, writeFileSync } from "node:fs";
import "../../src/worker.ts";
import { crashMarker } from "./crash-marker.ts";

declare const self: Worker;

const work = self.onmessage;
let requests = 0;

self.onmessage = (event: MessageEvent) => {
  if (++requests === 4 && !existsSync(crashMarker())) {
    writeFileSync(crashMarker(), "");
    throw new Error("BUG: made for a test");
  }
  work?.call(self, event);
};
