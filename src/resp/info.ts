import { VERSION } from "../build-info.ts";
import type { Host } from "./host.ts";

/** What `INFO` says: what clients look for before they push, and figures for a person. */
export function renderInfo(host: Host, sections: readonly string[]): string {
  const all = ["", "all", "default", "everything"];
  const isAll = sections.length === 0 || sections.some((section) => all.includes(section));
  const texts = Object.entries(infoOf(host))
    .filter(([name]) => isAll || sections.includes(name.toLowerCase()))
    .map(([name, fields]) => {
      const lines = Object.entries(fields).map(([field, value]) => `${field}:${value}\r\n`);
      return `# ${name}\r\n${lines.join("")}`;
    });
  return texts.join("\r\n");
}

function infoOf(host: Host): Record<string, Record<string, string | number>> {
  const { figures, store } = host;
  const seconds = Math.floor(process.uptime());
  return {
    Server: {
      redis_version: host.redisVersion,
      server_name: "prom-stream-gateway",
      server_version: VERSION,
      redis_mode: "standalone",
      process_id: process.pid,
      tcp_port: host.port,
      uptime_in_seconds: seconds,
      uptime_in_days: Math.floor(seconds / 86_400),
    },
    Clients: { connected_clients: figures.clients, maxclients: host.clientsMax },
    Memory: { used_memory: host.usedBytes, maxmemory: host.bufferBytesMax },
    Persistence: { loading: 0 },
    Stats: {
      total_connections_received: figures.clientsEver,
      total_commands_processed: figures.requests,
      rejected_connections: figures.clientsRefused,
    },
    Replication: { role: "master", connected_slaves: 0 },
    Keyspace: store.length > 0 ? { db0: "keys=1,expires=0,avg_ttl=0" } : {},
  };
}
