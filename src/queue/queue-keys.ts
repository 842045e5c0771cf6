/**
 * The keys that a gateway makes beside its queue. All share the queue's hash slot, so that one
 * script may use them on Redis Cluster: `{<queue key>}:...`, or, when the queue's key has a hash
 * tag of its own, that tag. Source: Redis Cluster specification, "Hash tags".
 */
export class QueueKeys {
  readonly queue: string;
  readonly state: string;
  /** There while a process has the lease; holds that process's identity. */
  readonly lease: string;
  /** A list that is there while the lease was given up and not taken again. */
  readonly released: string;
  /** Never there: deleting it is a write that needs no memory. */
  readonly absent: string;
  #prefix: string;

  constructor(queue: string, gatewayId: string) {
    this.queue = queue;
    this.#prefix = `${hashTagged(queue)}:gateway:${gatewayId}`;
    this.state = `${this.#prefix}:state`;
    this.lease = `${this.#prefix}:lease`;
    this.released = `${this.#prefix}:released`;
    this.absent = `${this.#prefix}:absent`;
  }

  segment(number: number): string {
    return `${this.#prefix}:segment:${number}`;
  }

  journal(name: string): string {
    return `${this.#prefix}:journal:${name}`;
  }
}

function hashTagged(key: string): string {
  const open = key.indexOf("{");
  const close = key.indexOf("}", open + 1);
  // Without a tag of its own the whole key is hashed; braces around it say the same, unless it
  // holds a closing brace, which would end the tag early.
  if (open >= 0 && close > open + 1) return key;
  if (!key.includes("}")) return `{${key}}`;
  throw new Error(
    `config: Redis.MetricQueueKey must not hold "}" without a hash tag, got ${JSON.stringify(key)}`,
  );
}
