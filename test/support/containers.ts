import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ARM64, attempt, engine } from "./container-engine.ts";
import { freePort } from "./redis-server.ts";
import { until } from "./until.ts";

const ROOT = join(import.meta.dir, "../..");
/** Of this machine, for a proxy between it and the registry of packages. */
const AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt";
const PROGRAM = "/prom-stream-gateway";

/** The two images that the Dockerfile makes. */
export const TARGETS = ["scratch", "distroless"] as const;
export type Target = (typeof TARGETS)[number];

/** Builds one of them, and returns its name. */
export async function buildImage(
  target: Target,
  architecture: "amd64" | "arm64",
  revision: string,
): Promise<string> {
  const image = `localhost/prom-stream-gateway:${target}-${architecture}`;
  // Builders of a later time say themselves where they run.
  const own = ["--build-arg", "BUILDPLATFORM=linux/amd64"];
  const arm64 = [...own, "--platform=linux/arm64", "--build-arg", `BASE_DIGEST=${ARM64}`];
  const trust = [`--volume=${AUTHORITIES}:/authorities.crt:ro`];
  await engine(
    "buildah",
    "bud",
    "--pull=never",
    "--isolation=chroot",
    "--format=docker", // The other one has no health check.
    "--layers",
    "--force-rm",
    ...(existsSync(AUTHORITIES) ? trust : []),
    ...["--build-arg", "EXTRA_CA_CERTS=/authorities.crt", "--build-arg", `REVISION=${revision}`],
    ...(architecture === "arm64" ? arm64 : []),
    ...(target === "scratch" ? ["--target", "scratch"] : []),
    ...["--tag", image, ROOT],
  );
  return image;
}

/** A container at work on the network of this machine, as hard as it gets. */
export interface Container {
  name: string;
  /** Of the gateway, seen from outside. */
  pid: number;
  url: string;
  /** Runs the program in it. */
  exec(...words: string[]): Promise<number>;
  /** The exit code of the health check that is in the image. */
  healthcheck(): Promise<number>;
  log(): Promise<string>;
  /** Stops it with SIGTERM, and after a second by force; the exit code. */
  stop(): Promise<number>;
  remove(): Promise<void>;
}

let count = 0;

/** Starts one, and waits until it serves. `options` are more of podman's. */
export async function startContainer(
  image: string,
  environment: Record<string, string>,
  options: readonly string[] = [],
): Promise<Container> {
  const name = `prom-stream-gateway-${process.pid}-${++count}`;
  const port = await freePort();
  const variables = { Web__ListenAddress: `127.0.0.1:${port}`, ...environment };
  await engine(
    "podman",
    "run",
    "--detach",
    `--name=${name}`,
    "--pull=never",
    "--network=host",
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    ...Object.entries(variables).map(([variable, text]) => `--env=${variable}=${text}`),
    ...options,
    image,
  );
  const url = `http://127.0.0.1:${port}`;
  const inspect = (field: string) => engine("podman", "inspect", "--format", `{{${field}}}`, name);
  const log = async () => engine("podman", "logs", name);
  await until("the container serves", async () => {
    if ((await inspect(".State.Running")) !== "true") throw new Error(`it ended: ${await log()}`);
    return (await fetch(url).catch(() => undefined))?.ok;
  });
  return {
    name,
    pid: Number(await inspect(".State.Pid")),
    url,
    exec: async (...words) => (await attempt("exec", name, PROGRAM, ...words)).code,
    healthcheck: async () => (await attempt("healthcheck", "run", name)).code,
    log,
    stop: async () => {
      await engine("podman", "stop", "--time=1", name);
      return Number(await inspect(".State.ExitCode"));
    },
    remove: async () => void (await engine("podman", "rm", "--force", "--time=0", name)),
  };
}

/** A file of the container's process in /proc. */
export function readProcess({ pid }: Container, file: string): string {
  return readFileSync(join("/proc", String(pid), file), "utf8");
}

/** What is in an image, looked at while it is mounted. */
export async function withFiles<T>(
  image: string,
  look: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await engine("podman", "image", "mount", image);
  try {
    return await look(folder);
  } finally {
    await engine("podman", "image", "unmount", image);
  }
}
