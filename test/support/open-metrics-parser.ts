import type { Subprocess } from "bun";

/** A family as prometheus_client's parser sees it. */
export interface ParsedFamily {
  name: string;
  type: string;
  unit: string;
  help: string;
  samples: ParsedSample[];
}

export interface ParsedSample {
  name: string;
  labels: Record<string, string>;
  value: number;
  exemplar: { labels: Record<string, string>; value: number; timestamp: number | null } | null;
}

/** Takes expositions as JSON, one a line, and gives the families of each, or why it is none. */
const PROGRAM = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families

def number(value):
    return repr(float(value))

def exemplar(given):
    if given is None:
        return None
    timestamp = None if given.timestamp is None else float(given.timestamp)
    return {"labels": given.labels, "value": number(given.value), "timestamp": timestamp}

for line in sys.stdin:
    try:
        families = [
            {
                "name": family.name, "type": family.type, "unit": family.unit,
                "help": family.documentation,
                "samples": [
                    {
                        "name": sample.name, "labels": sample.labels,
                        "value": number(sample.value), "exemplar": exemplar(sample.exemplar),
                    }
                    for sample in family.samples
                ],
            }
            for family in text_string_to_metric_families(json.loads(line))
        ]
        print(json.dumps(families), flush=True)
    except Exception as error:
        print(json.dumps("%s: %s" % (type(error).__name__, error)), flush=True)
`;

/**
 * The strict parser of OpenMetrics (Debian's python3-prometheus-client), as a process that takes one
 * exposition after the other.
 */
export class OpenMetricsParser {
  #process: Subprocess<"pipe", "pipe", "inherit">;
  #chunks: AsyncIterator<Uint8Array>;
  #decoder = new TextDecoder();
  #read = "";

  constructor() {
    // Another python3 may be the first in PATH.
    this.#process = Bun.spawn(["/usr/bin/python3", "-c", PROGRAM], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#chunks = this.#process.stdout[Symbol.asyncIterator]();
  }

  /** Fails when the text is no OpenMetrics. */
  async parse(text: string): Promise<ParsedFamily[]> {
    this.#process.stdin.write(`${JSON.stringify(text)}\n`);
    this.#process.stdin.flush();
    const answer = JSON.parse(await this.#line(), (key, value) =>
      key === "value" ? numberOf(value) : value,
    );
    if (typeof answer === "string") throw new Error(`${answer}\n${text}`);
    return answer;
  }

  stop(): void {
    this.#process.kill();
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#read.indexOf("\n");
      if (end >= 0) {
        const line = this.#read.slice(0, end);
        this.#read = this.#read.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#chunks.next();
      if (done) throw new Error("the parser has ended");
      this.#read += this.#decoder.decode(value, { stream: true });
    }
  }
}

/** Of Python's `repr`; a label called "value" is no number. */
function numberOf(value: unknown): unknown {
  if (typeof value !== "string" || !/^(-?inf|nan|-?[\d.]+(e[+-]?\d+)?)$/.test(value)) return value;
  return Number(value.replace("inf", "Infinity"));
}
