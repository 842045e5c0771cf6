import { $ } from "bun";
import { version } from "./package.json";

/**
 * Builds `dist/prom-stream-gateway`: the program, its worker and the runtime in one file.
 * It reads nothing of Bun's from the directory it is started in (`.env`, `bunfig.toml`).
 */
const revision = await $`git rev-parse --short=12 HEAD`.quiet().nothrow().text();

await Bun.build({
  // A worker must be an entry point of its own, after the main one.
  entrypoints: ["./src/main.ts", "./src/worker.ts"],
  minify: true,
  bytecode: true,
  format: "esm",
  define: {
    BUILD_VERSION: JSON.stringify(version),
    BUILD_REVISION: JSON.stringify(revision.trim() || "unknown"),
    "process.env.NODE_ENV": '"production"',
  },
  compile: {
    outfile: "dist/prom-stream-gateway",
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
});
