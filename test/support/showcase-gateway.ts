import { type GatewayProcess, QUEUE_KEY, startGateway } from "./gateway-process.ts";
import { startRedis } from "./redis-server.ts";
import type { Period } from "./seen-series.ts";
import { SHOWCASES } from "./showcase.ts";
import { until } from "./until.ts";

/** The compiled binary, to which all that a sender can say has been pushed. */
export interface ShowcaseGateway {
  gateway: GatewayProcess;
  /** When all series began. */
  began: Period;
  /** Samples that are in the totals: those of the showcases, and the gauge `last`, which is 1. */
  samples: number;
  stop(): Promise<void>;
}

export async function startShowcaseGateway(): Promise<ShowcaseGateway> {
  const redis = await startRedis();
  const from = Date.now() / 1000;
  const gateway = await startGateway(redis.port, [
    "--Metrics.NameValidation=utf8",
    "--Metrics.CreatedTimestamps=true",
  ]);
  const messages = SHOWCASES.flatMap((showcase) => showcase.messages);
  messages.push({ type: "gauge", name: "last", value: 1 });
  await redis.client.lpush(QUEUE_KEY, ...messages.map((message) => JSON.stringify(message)));
  await until("all is applied", async () => (await gateway.value("last")) === 1);
  return {
    gateway,
    began: { from, to: Date.now() / 1000 },
    samples: messages.length,
    stop: async () => {
      await gateway.stop();
      await redis.stop();
    },
  };
}
