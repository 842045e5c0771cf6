import { connect } from "node:net";
import { parseArguments, takeFlags } from "./src/cli/arguments.ts";
import { readSettings } from "./src/cli/settings.ts";
import { SETTINGS } from "./src/config/settings.ts";

/**
 * Prints `--embedded` when nobody has said where samples come from and no Redis is there by default,
 * and says on standard error what to do then. Faults are the gateway's to tell.
 */

const REDIS_PORT = 6379;

const { command, flags } = parseArguments(process.argv.slice(2));
const general = takeFlags(flags, ["help", "version", "config", "embedded"]);
const loaded = readSettings(flags, general.config);
if (command === "run" && Object.keys(general).every((name) => name === "config") && loaded.ok) {
  const { settings, effective } = loaded;
  const sources = [SETTINGS.connection.name, SETTINGS.embeddedListen.name];
  const saysNothing = effective.every(
    ({ name, source }) => !sources.includes(name) || source === "default",
  );
  if (saysNothing && !(await isListening(REDIS_PORT))) {
    const { redis, web } = settings;
    process.stdout.write("--embedded\n");
    process.stderr.write(`
No Redis is set, and none listens on port ${REDIS_PORT}: the gateway takes samples itself.

  push   dist/prom-stream-gateway push counter demo_total 1 source=demo
         (or LPUSH from any Redis client: 127.0.0.1:${REDIS_PORT}, key ${redis.queueKey})
  look   http://localhost:${web.listen.port}/status, and /metrics for Prometheus
  stop   Ctrl-C; totals begin at zero next time, unless Embedded.StateFile is set

`);
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
