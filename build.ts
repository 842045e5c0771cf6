import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { $ } from "bun";
import { version } from "./package.json";

/**
 * Builds the program, its worker and the runtime into one file: for this machine
 * `dist/prom-stream-gateway`, for others `dist/<target>/prom-stream-gateway`.
 *
 * The same commit gives the same bytes, wherever and whenever it is built. The executable reads
 * nothing of Bun's from the directory it is started in (`.env`, `bunfig.toml`).
 */

/** What `--target` names. Bun has no other runtime for older x64 processors: this one needs SSE4.2. */
const TARGETS = {
  "linux-x64": { os: "linux", cpu: "x64", libc: "glibc", runtime: "bun-linux-x64" },
  "linux-x64-musl": { os: "linux", cpu: "x64", libc: "musl", runtime: "bun-linux-x64-musl" },
  "linux-arm64": { os: "linux", cpu: "arm64", libc: "glibc", runtime: "bun-linux-aarch64" },
  "linux-arm64-musl": {
    os: "linux",
    cpu: "arm64",
    libc: "musl",
    runtime: "bun-linux-aarch64-musl",
  },
  "darwin-x64": { os: "darwin", cpu: "x64", libc: "*", runtime: "bun-darwin-x64" },
  "darwin-arm64": { os: "darwin", cpu: "arm64", libc: "*", runtime: "bun-darwin-aarch64" },
} as const;

type Target = keyof typeof TARGETS;

const { target: named = [], revision } = readFlags();
const revisionShown = revision ?? (await $`git rev-parse --short=12 HEAD`.quiet().nothrow().text());
if (named.length === 0) await build("dist", {});
for (const target of named) {
  const executablePath = await installRuntime(target);
  // The runtime's format and what its bytecode must be follow from Bun's own name of it.
  const bunTarget = TARGETS[target].runtime.replace("aarch64", "arm64") as Bun.Build.CompileTarget;
  await build(join("dist", target), { target: bunTarget, executablePath });
}

async function build(folder: string, compile: Partial<Bun.CompileBuildOptions>): Promise<void> {
  await Bun.build({
    // A worker must be an entry point of its own, after the main one.
    entrypoints: ["./src/main.ts", "./src/worker.ts"],
    minify: true,
    bytecode: true,
    format: "esm",
    define: {
      BUILD_VERSION: JSON.stringify(version),
      BUILD_REVISION: JSON.stringify(revisionShown.trim() || "unknown"),
      "process.env.NODE_ENV": '"production"',
      // ioredis would bring along in which folder it was built.
      __dirname: '"/"',
    },
    compile: {
      // Its name goes into the bytes.
      outfile: join(folder, "prom-stream-gateway"),
      autoloadDotenv: false,
      autoloadBunfig: false,
      ...compile,
    },
  });
}

/** Brings the runtime of a target, as the lock file has it, whose hashes are checked. Returns where it is. */
async function installRuntime(target: Target): Promise<string> {
  const { os, cpu, libc, runtime } = TARGETS[target];
  const folder = join("node_modules", ".runtimes", target);
  mkdirSync(folder, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) {
    await Bun.write(join(folder, file), Bun.file(file));
  }
  const platform = [`--os=${os}`, `--cpu=${cpu}`, `--libc=${libc}`];
  const flags = ["--frozen-lockfile", "--production", "--ignore-scripts", ...platform];
  const { exitCode, stderr } = await $`${process.execPath} install ${flags}`
    .cwd(folder)
    .quiet()
    .nothrow();
  const path = join(folder, "node_modules", "@oven", runtime, "bin", "bun");
  // To Bun it is a library that it can do without.
  if (exitCode !== 0 || !existsSync(path)) {
    process.stderr.write(`build: cannot install the runtime for ${target}:\n${stderr}`);
    process.exit(1);
  }
  return path;
}

function readFlags(): { target?: Target[]; revision?: string } {
  const usage = `usage: bun build.ts [--target ${Object.keys(TARGETS).join("|")}|all]... [--revision TEXT]`;
  try {
    const { values } = parseArgs({
      options: { target: { type: "string", multiple: true }, revision: { type: "string" } },
    });
    const targets = values.target?.includes("all") ? Object.keys(TARGETS) : values.target;
    const unknown = targets?.find((target) => !Object.hasOwn(TARGETS, target));
    if (unknown !== undefined) throw new Error(`unknown target "${unknown}"`);
    return { target: targets as Target[] | undefined, revision: values.revision };
  } catch (error) {
    process.stderr.write(`build: ${(error as Error).message}\n${usage}\n`);
    process.exit(2);
  }
}
