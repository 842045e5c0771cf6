import { $ } from "bun";

/**
 * Runs all checks, or only the tests that are named, and ends with the line `N passed, N failed`. What the
 * tests use for real (`redis-server`, `promtool`) is installed from Debian's packages where that is possible.
 */

const named = process.argv.slice(2);
/** Images are built and run as root; others do without, unless they ask for it. */
const hasContainers =
  (process.platform === "linux" && process.getuid?.() === 0) || process.env.CI !== undefined;
const CONTAINER_TESTS = "test/container";

/** Debian's packages, and what works only when one is installed. */
const PACKAGES: Record<string, string[]> = {
  "redis-server": ["redis-server", "--version"],
  openssl: ["openssl", "version"],
  "redis-tools": ["redis-benchmark", "--version"],
  prometheus: ["promtool", "--version"],
  "php-cli": ["php", "--version"],
  "php-redis": ["php", "-r", "new Redis();"],
  "php-predis": ["php", "-r", "require 'Predis/autoload.php'; new Predis\\Client();"],
  "php-illuminate-redis": ["php", "-r", "require 'Illuminate/Redis/autoload.php';"],
  "python3-prometheus-client": ["/usr/bin/python3", "-c", "import prometheus_client.openmetrics"],
  "ruby-redis": ["ruby", "-e", "require 'redis'"],
  "python3-redis": ["/usr/bin/python3", "-c", "import redis"],
  "docker-compose": ["docker-compose", "--version"],
  chromium: ["chromium", "--version"],
  // What screenshots and the widths of columns depend on.
  "fonts-dejavu-core": ["test", "-e", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"],
  "libredis-perl": ["perl", "-MRedis", "-e", "1"],
  ...(hasContainers && {
    buildah: ["buildah", "--version"],
    podman: ["podman", "--version"],
    runc: ["runc", "--version"],
    mmdebstrap: ["mmdebstrap", "--version"],
    "qemu-user-static": ["qemu-aarch64-static", "--version"],
  }),
};

let passed = 0;
let failed = 0;

await installMissing();
if (named.length === 0) {
  await check("format and lint", ["biome", "ci", "--error-on-warnings", "."]);
  await check("types", ["tsc"]);
}
await check("build", ["bun", "build.ts"]);
await runTests();
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

async function installMissing(): Promise<void> {
  const packages = await findMissing();
  if (packages.length === 0) return;
  const mayInstall = process.getuid?.() === 0 && Bun.which("apt-get") !== null;
  if (mayInstall) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
    await $`apt-get update`.env(env).quiet().nothrow();
    await $`apt-get install -y --no-install-recommends ${packages}`.env(env).quiet().nothrow();
  }
  const missing = await findMissing();
  if (missing.length === 0) return;
  process.stdout.write(`test: install ${missing.join(" and ")} (Debian's packages) first\n`);
  process.stdout.write("0 passed, 1 failed\n");
  process.exit(1);
}

async function findMissing(): Promise<string[]> {
  const missing: string[] = [];
  for (const [name, command] of Object.entries(PACKAGES)) {
    if (!(await works(command))) missing.push(name);
  }
  return missing;
}

async function works(command: string[]): Promise<boolean> {
  try {
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    return (await child.exited) === 0;
  } catch {
    return false;
  }
}

async function check(name: string, command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  const isOk = (await child.exited) === 0;
  process.stdout.write(`${isOk ? "ok" : "FAILED"}: ${name}\n`);
  if (isOk) passed++;
  else failed++;
}

async function runTests(): Promise<void> {
  const without = hasContainers ? [] : [`--path-ignore-patterns=${CONTAINER_TESTS}/**`];
  if (!hasContainers)
    process.stdout.write(`left out: ${CONTAINER_TESTS}, which needs root on Linux\n`);
  const child = Bun.spawn(["bun", "test", "--timeout", "60000", ...without, ...named], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
  });
  let report = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stderr) {
    process.stderr.write(chunk);
    report += decoder.decode(chunk, { stream: true });
  }
  const code = await child.exited;
  const count = (word: string) =>
    Number(new RegExp(`^ *(\\d+) ${word}`, "m").exec(report)?.[1] ?? 0);
  passed += count("pass");
  failed += count("fail");
  const skipped = count("skip") + count("todo");
  if (skipped > 0) {
    process.stdout.write(`FAILED: ${skipped} tests were skipped\n`);
    failed += skipped;
  }
  if (code !== 0 && count("fail") === 0) {
    process.stdout.write(`FAILED: the test runner ended with ${code}\n`);
    failed++;
  }
}
