/**
 * The real worker, but for one thing: it dies at the third range that it is asked for, once in the
 * life of the process. The crash comes from within the thread, uncaught.
 */
import { writeFileSync } from "node:fs";
import "../../src/worker.ts";
import { crashMarker } from "./crash-marker.ts";

declare const self: Worker;

/** Whether no other worker has asked: they run at once, so one step makes the file or fails. */
function isFirst(): boolean {
  try {
    writeFileSync(crashMarker(), "", { flag: "wx" });
    return true;
  } catch {
    return false;
  }
}

const work = self.onmessage;
let requests = 0;

self.onmessage = (event: MessageEvent) => {
  if (++requests === 4 && isFirst()) throw new Error("BUG: made for a test");
  work?.call(self, event);
};
