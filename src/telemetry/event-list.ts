import type { LogLevel } from "../config/setting-schemas.ts";

/**
 * Every event of the log, declared once: what is not here, or a field that is not, cannot be written.
 * `docs/logs.md` is made from it.
 */

export interface EventDeclaration {
  level: Exclude<LogLevel, "none">;
  area: Area;
  meaning: string;
  /** What to do about it. Of a warning or worse it stands in the line, too, as the field `remedy`. */
  remedy?: string;
  /** Where a line may come again and again: ten seconds have one at most; or one for each of a field. */
  oncePer?: "event" | "reason" | "worker";
  fields: Readonly<Record<string, Field<FieldValue>>>;
}

/** The parts of the gateway that speak; each has a level of its own. */
export const AREAS = {
  main: "the program as a whole",
  queue: "the queue, the lease and the checkpoints",
  worker: "the threads that read and decode",
  sample: "what senders pushed",
  resp: "the embedded queue's server",
  http: "the HTTP server",
};

export type Area = keyof typeof AREAS;

/** Lines that one event may have in ten seconds, whatever they are about: nobody floods the log. */
export const LINES_MAX = 64;

export type FieldValue = string | number | boolean | undefined;

/** A field, and the type of what may stand in it. */
export interface Field<T extends FieldValue> {
  doc: string;
  isOptional: boolean;
  /** For the compiler only: nothing has it. */
  type?: T;
}

type Fields<E> = E extends { fields: infer F } ? F : never;
type ValueOf<F> = F extends Field<infer T> ? T : never;

/** What must be given to write an event. */
export type FieldsOf<N extends EventName> = {
  [K in keyof Fields<(typeof EVENTS)[N]>]: ValueOf<Fields<(typeof EVENTS)[N]>[K]>;
};

export type EventName = keyof typeof EVENTS;

const text = (doc: string): Field<string> => ({ doc, isOptional: false });
const count = (doc: string): Field<number> => ({ doc, isOptional: false });
const flag = (doc: string): Field<boolean> => ({ doc, isOptional: false });
const textIfAny = (doc: string): Field<string | undefined> => ({ doc, isOptional: true });

const countIfAny = (doc: string): Field<number | undefined> => ({ doc, isOptional: true });

const HOLDER = text("The process and its host.");
const REASON = text("What the call that failed says.");

export const EVENTS = {
  gateway_started: {
    level: "information",
    area: "main",
    meaning: "The program serves, and begins to take samples.",
    fields: {
      version: text("Its version."),
      listen: text("Where it serves HTTP."),
      push: textIfAny("Where senders push, with an embedded queue."),
      metrics: text("Where Prometheus finds it on this host."),
      status: text("And a browser its status page."),
      workers: count("Threads that read and decode."),
      queueKey: text("The list that senders push to."),
    },
  },
  gateway_stopping: {
    level: "information",
    area: "main",
    meaning: "A signal came: what is under way is finished, and the lease is given up.",
    fields: { signal: text("Its name.") },
  },
  gateway_stopped: {
    level: "information",
    area: "main",
    meaning: "The last line: the process ends.",
    fields: {
      seconds: count("How long the stop took."),
      samples: count("Samples that this process has applied in its life."),
    },
  },
  queue_connected: {
    level: "information",
    area: "queue",
    meaning: "Samples can be taken: for the first time, or again after `queue_failed`.",
    fields: { queueKey: text("The list that senders push to.") },
  },
  queue_failed: {
    level: "error",
    area: "queue",
    meaning:
      "Samples cannot be taken just now. They wait where they are; it is tried again until it works.",
    remedy: "see the line's own `remedy`: check Redis, or the folder of the state file",
    oncePer: "reason",
    fields: { reason: REASON, remedy: text("What to check, by the kind of queue.") },
  },
  gateway_standing_by: {
    level: "information",
    area: "queue",
    meaning: "Another process works under this gateway id. This one waits, and takes over.",
    fields: { holder: HOLDER },
  },
  credentials_changed: {
    level: "information",
    area: "queue",
    meaning:
      "The files that hold what Redis is shown have changed: connections that are made from now on show it.",
    fields: {},
  },
  credentials_refused: {
    level: "error",
    area: "queue",
    meaning:
      "Such a file has changed, and cannot be used. It is looked at again with each connection.",
    remedy: "mend the file; until then Redis is shown what it held before",
    oncePer: "reason",
    fields: { reason: text("What is wrong with it.") },
  },
  lease_acquired: {
    level: "information",
    area: "queue",
    meaning:
      "This process is the owner from now on. Totals are shown once `gateway_recovered` is said.",
    fields: {
      checkpoint: count("The number of the checkpoint that it goes on from; 0: none."),
      entries: count("The pieces that its state consisted of."),
      segments: count("Claimed pieces of the queue that are to be applied first."),
      elements: count("List elements in them."),
    },
  },
  checkpoint_loading: {
    level: "information",
    area: "queue",
    meaning: "The state is being read back, which takes long; said every few seconds.",
    fields: {
      entriesLeft: count("Pieces of it that are still to come."),
      entriesPerSecond: count("How many come, on average."),
      secondsLeft: countIfAny("How long it takes at that pace."),
    },
  },
  gateway_recovering: {
    level: "information",
    area: "queue",
    meaning: "What was claimed before is being applied, which takes long; said every few seconds.",
    fields: {
      elementsLeft: count("List elements that are still to be applied."),
      elementsPerSecond: count("How many are, on average."),
      secondsLeft: countIfAny("How long it takes at that pace."),
    },
  },
  gateway_recovered: {
    level: "information",
    area: "queue",
    meaning: "All that was claimed before is applied: totals are shown.",
    fields: {
      series: count("Series held."),
      seconds: count("Time since the lease was acquired."),
    },
  },
  gateway_superseded: {
    level: "error",
    area: "queue",
    meaning:
      "This process was the owner, and another one is now. Nothing is lost or counted twice.",
    remedy: "it took over because this process was stalled or cut off; this one stands by now",
    fields: { holder: HOLDER },
  },
  queue_state_lost: {
    level: "error",
    area: "queue",
    meaning: "Redis no longer knew what it was told, as after a restart or a failover.",
    remedy: "Redis has lost data; totals are written back, what was claimed and not read is lost",
    oncePer: "event",
    fields: { reason: text("What is missing.") },
  },
  claims_undone: {
    level: "error",
    area: "queue",
    meaning: "Elements that were claimed stand in the queue again.",
    remedy: "Redis went back to an older state: so many elements may be counted twice at most",
    fields: { elements: count("How many.") },
  },
  checkpoint_committed: {
    level: "debug",
    area: "queue",
    meaning: "The totals up to here are kept.",
    fields: {
      bytes: count("What it wrote."),
      isWhole: flag("Whether that was the whole state, not only what had changed."),
      deadLetters: count("Dropped samples that were listed with it."),
      seconds: count("How long it took."),
    },
  },
  checkpoint_failed: {
    level: "warning",
    area: "queue",
    meaning:
      "A checkpoint did not come about. Samples are applied meanwhile, and stay in Redis, too.",
    remedy: "nothing is lost; it is tried again until it works",
    oncePer: "event",
    fields: { reason: REASON },
  },
  checkpoint_refused: {
    level: "error",
    area: "queue",
    meaning: "The state in Redis cannot be read. Nothing is taken or changed.",
    remedy: "run the version that wrote it, or set another Gateway.Id; the state was left as it is",
    oncePer: "event",
    fields: { reason: text("What cannot be read.") },
  },
  checkpoint_set_aside: {
    level: "error",
    area: "queue",
    meaning: "The state file cannot be read, and was moved away.",
    remedy: "totals begin at zero; keep the file if it is to be looked into, else delete it",
    fields: { reason: text("What cannot be read."), aside: text("Where the file is now.") },
  },
  checkpoint_torn: {
    level: "warning",
    area: "queue",
    meaning: "The program ended while it wrote: the end of the state file does not count.",
    remedy: "none is needed: the last whole checkpoint counts, what came after it is lost",
    fields: { bytes: count("How much of the file that is.") },
  },
  samples_abandoned: {
    level: "error",
    area: "queue",
    meaning: "What the embedded queue held could not all be applied before a stop, and is lost.",
    remedy: "there was no time to apply them before the stop; a smaller Embedded.MaxBufferBytes",
    fields: { elements: count("List elements.") },
  },
  samples_lost: {
    level: "error",
    area: "queue",
    meaning: "Elements that were claimed could not be read: they are in no total.",
    remedy: "Redis no longer has what was claimed: see its persistence, eviction and failovers",
    oncePer: "event",
    fields: { elements: count("How many since the last such line.") },
  },
  range_read_failed: {
    level: "warning",
    area: "worker",
    meaning: "A worker could not read its range. It tries again.",
    remedy: "nothing is lost; when it goes on, check Redis",
    oncePer: "reason",
    fields: { worker: count("The worker's number."), reason: REASON },
  },
  worker_died: {
    level: "error",
    area: "worker",
    meaning: "A worker ended. It is started again, and its ranges are read again.",
    remedy: "nothing is lost; report it with this line, it is a fault of the gateway",
    oncePer: "worker",
    fields: { worker: count("The worker's number."), reason: text("What it died of.") },
  },
  samples_dropped: {
    level: "warning",
    area: "sample",
    meaning: "Samples were refused. They are in no total.",
    remedy: "mend the sender: the README says what each reason means",
    oncePer: "reason",
    fields: {
      reason: text("One of the reasons of the README's table."),
      count: count("How many since the last such line of this reason."),
      payload: text("One of them, cut to 200 characters."),
    },
  },
  series_limited: {
    level: "warning",
    area: "sample",
    meaning: "A sample found no room for a series of its own.",
    remedy: "a label has too many values, or Metrics.MaxSeries or MaxSeriesPerFamily is too low",
    oncePer: "event",
    fields: { family: text("Its family.") },
  },
  series_ended: {
    level: "debug",
    area: "sample",
    meaning: "Series are gone: no sample came within their time, or they were removed on demand.",
    oncePer: "event",
    fields: { count: count("How many since the last such line.") },
  },
  other_layout_met: {
    level: "warning",
    area: "sample",
    meaning: "A sample has other buckets or quantiles than its family; the family's stay.",
    remedy: "the first buckets or quantiles of a family stay; make the senders agree",
    oncePer: "event",
    fields: {
      family: text("One family."),
      families: count("How many families since the last such line."),
    },
  },
  request_refused: {
    level: "warning",
    area: "http",
    meaning:
      "Somebody was not let in: no login, a wrong one, or too many requests. See [who may look](web-configuration.md#what-is-refused).",
    remedy: "none, if it is none of your clients; else mend its login",
    oncePer: "reason",
    fields: { reason: text("The kind of refusal."), address: text("Where it came from.") },
  },
  request_failed: {
    level: "error",
    area: "http",
    meaning: "A request met with a bug, and was answered with 500. The totals are not touched.",
    remedy: "report it, with this line",
    oncePer: "event",
    fields: { path: text("What was asked for."), reason: text("What the error says.") },
  },
  handshake_failed: {
    level: "warning",
    area: "http",
    meaning: "A client and the gateway did not come to terms on TLS.",
    remedy: "does the client use TLS, and trust the gateway's certificate?",
    oncePer: "event",
    fields: { address: text("Where it came from."), reason: text("What TLS says.") },
  },
  certificate_refused: {
    level: "warning",
    area: "http",
    meaning:
      "A client showed no certificate, one that is not valid, or one without an allowed name.",
    remedy: "see client_ca_file and client_allowed_sans in the file of Web.ConfigFile",
    oncePer: "event",
    fields: { address: text("Where it came from."), reason: text("What is wrong with it.") },
  },
  web_config_reloaded: {
    level: "information",
    area: "http",
    meaning:
      "The files of Web.ConfigFile or Web.BearerTokenFile have changed, and count from now on.",
    fields: { certificateUntil: textIfAny("When the certificate among them ends.") },
  },
  web_config_refused: {
    level: "error",
    area: "http",
    meaning: "One of these files is wrong.",
    remedy: "what was read before counts until the files are right",
    oncePer: "event",
    fields: { fault: text("What is wrong, and where.") },
  },
  client_refused: {
    level: "warning",
    area: "resp",
    meaning: "A connection to the embedded queue was refused.",
    remedy: "so many clients are connected already; do senders close their connections?",
    oncePer: "event",
    fields: { clientsMax: count("How many may be connected.") },
  },
  client_closed: {
    level: "warning",
    area: "resp",
    meaning: "A connection to the embedded queue was closed, with Redis' error as the answer.",
    remedy: "it spoke no Redis, or did not log in; others are not touched",
    oncePer: "event",
    fields: { address: text("Where it came from."), reason: text("What was wrong.") },
  },
  senders_paused: {
    level: "warning",
    area: "resp",
    meaning: "The embedded queue's buffer is full: senders wait until there is room.",
    remedy: "they are faster than the gateway and wait; nothing is lost",
    oncePer: "event",
    fields: { usedBytes: count("Memory that is in use.") },
  },
} as const satisfies Record<string, EventDeclaration>;
