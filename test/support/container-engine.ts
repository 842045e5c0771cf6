import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import { dependencies } from "../../package.json";

/**
 * Debian's `buildah` and `podman`, as root, with a storage of their own that is kept between runs. No registry of
 * images is asked: the images that the Dockerfile starts from are stand-ins, made of Debian's packages.
 */

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "prom-stream-gateway");
const STORAGE_CONF = join(CACHE, "storage.conf");
const CONTAINERS_CONF = join(CACHE, "containers.conf");
/** What is here is about containers that run, and ends with the machine. */
const RUN_ROOT = "/run/prom-stream-gateway-test";

export const BASE_IMAGE = "gcr.io/distroless/base-debian12:nonroot";
export const SYSTEMD_IMAGE = "localhost/prom-stream-gateway-systemd:bookworm";
const BUILDER_IMAGE = `docker.io/oven/bun:${dependencies.bun}`;
/** In an image's name stands the architecture where the Dockerfile has room for a digest. */
export const ARM64 = "-arm64";

const BASE_PACKAGES = "libc6,libssl3,ca-certificates,tzdata,base-files,netbase";
/** Leaves what such an image has: no program, all authorities in one file, an ordinary user. */
const BASE_HOOK = [
  'cd "$1"',
  "rm -rf bin sbin usr/bin usr/sbin usr/lib/*/perl* usr/share/perl* etc/resolv.conf etc/hostname",
  "cat usr/share/ca-certificates/mozilla/*.crt > etc/ssl/certs/ca-certificates.crt",
  "echo root:x:0:0:root:/root:/sbin/nologin > etc/passwd",
  "echo nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin >> etc/passwd",
  "mkdir -p home/nonroot && chown 65532:65532 home/nonroot",
].join(" && ");

const ENVIRONMENT = {
  ...process.env,
  CONTAINERS_STORAGE_CONF: STORAGE_CONF,
  CONTAINERS_CONF,
};

/** Gets ready, and makes the stand-ins unless they are there from an earlier run. */
export async function prepareEngine(): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  const roots = `graphroot = "${join(CACHE, "storage")}"\nrunroot = "${RUN_ROOT}"`;
  writeFileSync(STORAGE_CONF, `[storage]\ndriver = "overlay"\n${roots}\n`);
  writeFileSync(
    CONTAINERS_CONF,
    [
      "[containers]",
      'default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]',
      "[engine]",
      'runtime = "runc"',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"\n',
    ].join("\n"),
  );
  await makeBuilder();
  await makeBase("amd64", BASE_IMAGE);
  await makeBase("arm64", `${BASE_IMAGE}${ARM64}`);
}

/** Runs `podman` or `buildah`; fails with what it printed. */
export async function engine(program: "podman" | "buildah", ...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await $`${program} ${words}`
    .env(ENVIRONMENT)
    .quiet()
    .nothrow();
  if (exitCode === 0) return stdout.toString().trim();
  throw new Error(`${program} ${words.join(" ")}: exit code ${exitCode}\n${stderr}`);
}

/** The same for what may fail: podman's exit code, and all that was printed. */
export async function attempt(...words: string[]): Promise<{ code: number; output: string }> {
  const ended = await $`podman ${words}`.env(ENVIRONMENT).quiet().nothrow();
  return { code: ended.exitCode, output: `${ended.stdout}${ended.stderr}` };
}

/** Essential Debian and the Bun that this project has. */
async function makeBuilder(): Promise<void> {
  const bun = join(import.meta.dir, "../../node_modules/bun/bin/bun.exe");
  await makeImage(BUILDER_IMAGE, ["essential"], async (container) => {
    await engine("buildah", "copy", "--chmod", "755", container, bun, "/usr/local/bin/bun");
  });
}

/** A machine that systemd starts, and nothing else. */
export async function makeSystemd(): Promise<void> {
  await makeImage(SYSTEMD_IMAGE, ["essential", "--include=systemd,dbus"], async () => {});
}

async function makeBase(architecture: string, image: string): Promise<void> {
  const recipe = [
    "extract",
    `--architectures=${architecture}`,
    `--include=${BASE_PACKAGES}`,
    `--extract-hook=${BASE_HOOK}`,
  ];
  await makeImage(image, recipe, async (container) => {
    const settings = ["--arch", architecture, "--user", "65532", "--workingdir", "/home/nonroot"];
    await engine("buildah", "config", ...settings, container);
  });
}

async function makeImage(
  image: string,
  [variant, ...flags]: string[],
  finish: (container: string) => Promise<void>,
): Promise<void> {
  const recipe = Bun.hash([image, variant, ...flags, String(finish)].join("\n")).toString(16);
  const found = ["images", "--filter", `label=recipe=${recipe}`, "--quiet"];
  if ((await engine("podman", ...found)) !== "") return;
  const archive = join(CACHE, `${recipe}.tar`);
  await $`mmdebstrap ${[`--variant=${variant}`, ...flags]} bookworm ${archive}`.quiet();
  const container = await engine("buildah", "from", "scratch");
  await engine("buildah", "add", container, archive, "/");
  await finish(container);
  await engine("buildah", "config", "--label", `recipe=${recipe}`, container);
  await engine("buildah", "commit", "--quiet", "--rm", "--format", "docker", container, image);
  await Bun.file(archive).delete();
}
