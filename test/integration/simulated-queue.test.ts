import { SimulatedQueue, SimulatedStore } from "../support/simulated-queue.ts";
import { describeSharedQueueContract } from "./queue-contract.ts";

describeSharedQueueContract("the queue that the model runs on", async () => {
  const store = new SimulatedStore();
  let remembered: Partial<SimulatedStore> = {};
  const expireLease = async () => {
    store.nowMs = (store.lease?.untilMs ?? 0) + 1;
  };
  return {
    open: () => new SimulatedQueue(store),
    openReader: () => new SimulatedQueue(store),
    push: async (...elements) => {
      for (const element of elements) store.queue.push(new TextEncoder().encode(element));
    },
    die: expireLease,
    expireLease,
    forget: async () => store.goBackTo({}),
    remember: async () => {
      remembered = { ...store.remember(), lease: undefined };
    },
    goBack: async () => store.goBackTo(remembered),
    deadLetters: async () => store.deadLetters,
    kept: async () => [...store.segments.keys(), ...store.journals.keys()].map(String).sort(),
  };
});
