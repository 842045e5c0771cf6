import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $, YAML } from "bun";
import packageJson from "../../package.json";
import { type GatewayProcess, runBinary, startGateway } from "../support/gateway-process.ts";
import { startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

/** What the files in the root, in deploy/ and in .github/ say agrees with the program and with each other. */

const ROOT = join(import.meta.dir, "../..");
const EXACT_TAG = /^[^:]+:v?\d+\.\d+\.\d+(-alpine)?$/;

const ends: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

/** Of a service in docker-compose.yml, what is looked at here. */
interface Service {
  image: string;
  build?: object;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  mem_limit?: string;
  cpus?: number;
  logging?: { options?: Record<string, string> };
  restart?: string;
  healthcheck?: object;
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  profiles?: string[];
}

describe("docker-compose.yml", () => {
  for (const profile of [[], ["--profile", "observe"]]) {
    test(`is valid${profile.length > 0 ? " with its profile" : ""}`, async () => {
      const file = join(ROOT, "docker-compose.yml");
      const { exitCode, stderr } = await $`docker-compose -f ${file} ${profile} config -q`
        .nothrow()
        .quiet();
      expect(stderr.toString()).toBe("");
      expect(exitCode).toBe(0);
    });
  }

  test("lets no service do more than it must, use more than it may, or fill the disk with its log", async () => {
    const services = await readServices();
    expect(Object.keys(services)).toEqual(["gateway", "redis", "prometheus", "grafana"]);
    for (const [name, service] of Object.entries(services)) {
      const { cap_drop, security_opt, read_only, logging, mem_limit, cpus } = service;
      expect([name, cap_drop, security_opt, read_only]).toEqual([
        name,
        ["ALL"],
        ["no-new-privileges:true"],
        true,
      ]);
      expect([name, logging?.options]).toEqual([name, { "max-size": "10m", "max-file": "3" }]);
      expect([name, typeof mem_limit, typeof cpus]).toEqual([name, "string", "number"]);
      expect([name, service.restart]).toEqual([name, "unless-stopped"]);
      // The gateway's is in its image.
      expect([name, service.healthcheck !== undefined]).toEqual([name, name !== "gateway"]);
    }
  });

  test("names the images of others by exact tags, and starts each service when what it needs is healthy", async () => {
    const services = Object.entries(await readServices());
    for (const [, { image, build }] of services) {
      if (build === undefined) expect(image).toMatch(EXACT_TAG);
    }
    const needs = services.map(([name, { depends_on = {} }]) => [
      name,
      Object.entries(depends_on).map(([other, { condition }]) => `${other} ${condition}`),
    ]);
    expect(Object.fromEntries(needs)).toEqual({
      gateway: ["redis service_healthy"],
      redis: [],
      prometheus: ["gateway service_healthy"],
      grafana: ["prometheus service_healthy"],
    });
  });

  test("sets what the program knows", async () => {
    const { gateway } = await readServices();
    const { code, stderr } = await runBinary(["check-config"], {
      environment: gateway.environment,
    });
    expect([code, stderr]).toEqual([0, ""]);
  });
});

test("the Dockerfile names the versions that package.json has", async () => {
  const text = await read("Dockerfile");
  expect(text).toContain(`oven/bun:${packageJson.dependencies.bun}\${BUN_DIGEST}`);
  const versions = [...text.matchAll(/image\.version="([^"]*)"/g)].map(([, version]) => version);
  expect(versions).toEqual([packageJson.version, packageJson.version]);
});

test("the Prometheus of docker-compose.yml has a valid configuration", async () => {
  const file = join(ROOT, "deploy/prometheus/prometheus.yml");
  expect((await $`promtool check config ${file}`.nothrow().quiet()).exitCode).toBe(0);
});

test("deploy/systemd/environment sets what the program knows, with and without what is commented out", async () => {
  const text = await read("deploy/systemd/environment");
  for (const lines of [text, text.replaceAll(/^#(?=\w+=)/gm, "")]) {
    const environment = Object.fromEntries(
      [...lines.matchAll(/^(\w+)=(.*)$/gm)].map(([, variable, value]) => [variable, value]),
    );
    const { code, stderr } = await runBinary(["check-config"], { environment });
    expect([code, stderr]).toEqual([0, ""]);
  }
});

test("deploy/systemd/redis-password.conf gives the service the password in a file", async () => {
  const text = await read("deploy/systemd/redis-password.conf");
  const [, id] = /^LoadCredential=([\w-]+):/m.exec(text) ?? [];
  const [, variable = "", file] = /^Environment=(\w+)=%d\/(.*)$/m.exec(text) ?? [];
  expect(file).toBe(id);
  expect(await shownWith({ [variable]: secretFile("s3cret\n") })).toContain("Redis.Password = ***");
});

test("deploy/kubernetes gives the gateway its connection string in a file of the secret that is made", async () => {
  const [deployment] = YAML.parse(await read("deploy/kubernetes/gateway.yaml")) as {
    spec: { template: { spec: PodSpec } };
  }[];
  const { containers, volumes } = deployment!.spec.template.spec;
  const [{ env, volumeMounts }] = containers;
  const key = /--from-literal=([\w-]+)=/.exec(await read("docs/deployment.md"))?.[1];
  expect(volumes).toEqual([{ name: "secrets", secret: { secretName: "prom-stream-gateway" } }]);
  expect(env).toEqual([
    { name: "Redis__ConnectionStringFile", value: `${volumeMounts[0]!.mountPath}/${key}` },
  ]);
  expect(volumeMounts[0]!.name).toBe("secrets");
  const variable = env[0]!.name;
  expect(await shownWith({ [variable]: secretFile("h:1,password=s3cret") })).toContain(
    "Redis.ConnectionString = h:1,password=***",
  );
});

test("deploy/ec2 brings along the unit of deploy/systemd", async () => {
  const { write_files } = YAML.parse(await read("deploy/ec2/user-data.yaml")) as {
    write_files: { path: string; content: string }[];
  };
  const unit = write_files.find(({ path }) => path.endsWith(".service"));
  expect(unit?.content).toBe(await read("deploy/systemd/prom-stream-gateway.service"));
});

test("deploy/kubernetes asks for what the gateway answers, and runs what package.json names", async () => {
  const text = await read("deploy/kubernetes/gateway.yaml");
  const gateway = await startWithRedis();
  const probes = [...text.matchAll(/^ +path: (\/-\/.*)$/gm)].map(([, path]) => path);
  expect(probes).toEqual(["/-/healthy", "/-/ready?standbyok=true"]);
  for (const path of [...probes, "/metrics"]) {
    await until(`${path} is answered`, async () => (await fetch(`${gateway.url}${path}`)).ok);
  }
  expect(text).toContain(`image: prom-stream-gateway:${packageJson.version}\n`);
  const { images } = YAML.parse(await read("deploy/kubernetes/kustomization.yaml")) as {
    images: { newTag: string }[];
  };
  expect(images.map(({ newTag }) => newTag)).toEqual([packageJson.version]);
});

test("the ServiceMonitor relabels what senders pushed as docs/reliability.md does", async () => {
  const page = await read("docs/reliability.md");
  const example = /```yaml\n(scrape_configs:[\s\S]*?)```/.exec(page)?.[1] ?? "";
  const documented = YAML.parse(example) as {
    scrape_configs: { metric_relabel_configs: Record<string, unknown>[] }[];
  };
  const monitor = YAML.parse(await read("deploy/kubernetes/service-monitor.yaml")) as {
    spec: { endpoints: { metricRelabelings: Record<string, unknown>[] }[] };
  };
  const inCamelCase = documented.scrape_configs[0].metric_relabel_configs.map((rule) =>
    Object.fromEntries(
      Object.entries(rule).map(([key, value]) => [
        key.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
        value,
      ]),
    ),
  );
  const rules = monitor.spec.endpoints[0].metricRelabelings;
  expect(inCamelCase.length).toBe(2);
  // The operator's labels name the pod once more.
  expect(rules).toEqual([
    ...inCamelCase,
    { ...inCamelCase[1], targetLabel: "pod", replacement: "" },
  ]);
});

test("the PrometheusRule has the rules of deploy/prometheus", async () => {
  const { spec } = YAML.parse(await read("deploy/kubernetes/prometheus-rule.yaml")) as {
    spec: object;
  };
  expect(spec).toEqual(YAML.parse(await read("deploy/prometheus/rules.yml")) as object);
});

test("the rules and the ServiceMonitor's Service have one name for the job", async () => {
  const rules = await read("deploy/prometheus/rules.yml");
  const jobs = new Set([...rules.matchAll(/job="([^"]*)"/g)].map(([, job]) => job));
  const scraped = YAML.parse(await read("deploy/prometheus/prometheus.yml")) as {
    scrape_configs: { job_name: string }[];
  };
  expect([...jobs]).toEqual(scraped.scrape_configs.map(({ job_name }) => job_name));
  // The operator names a job after the Service.
  const [job] = jobs;
  expect(await read("deploy/kubernetes/gateway.yaml")).toMatch(
    new RegExp(`kind: Service\\nmetadata:\\n  name: ${job}\\n`),
  );
});

test("each action of a workflow is pinned to a commit", async () => {
  const folder = join(ROOT, ".github/workflows");
  for (const name of readdirSync(folder)) {
    const text = await Bun.file(join(folder, name)).text();
    expect(YAML.parse(text)).toHaveProperty("jobs");
    const uses = [...text.matchAll(/uses: (.*)$/gm)].map(([, action]) => action);
    const loose = uses.filter((action) => !/^\.\/|@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action));
    expect([name, loose]).toEqual([name, []]);
  }
});

/** Of deploy/kubernetes/gateway.yaml, what is looked at here. */
interface PodSpec {
  containers: {
    env: { name: string; value: string }[];
    volumeMounts: { name: string; mountPath: string }[];
  }[];
  volumes: object[];
}

function secretFile(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "gateway-secret-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "secret"), content);
  return join(folder, "secret");
}

/** What `check-config` shows. */
async function shownWith(environment: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await runBinary(["check-config"], { environment });
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

async function read(path: string): Promise<string> {
  return Bun.file(join(ROOT, path)).text();
}

async function readServices(): Promise<Record<string, Service>> {
  return (YAML.parse(await read("docker-compose.yml")) as { services: Record<string, Service> })
    .services;
}

async function startWithRedis(): Promise<GatewayProcess> {
  const server = await startRedis();
  const gateway = await startGateway(server.port);
  ends.push(
    () => server.stop(),
    () => gateway.stop(),
  );
  return gateway;
}
