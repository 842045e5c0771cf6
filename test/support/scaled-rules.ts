import { join } from "node:path";
import { YAML } from "bun";

const RULES = join(import.meta.dir, "../../deploy/prometheus/rules.yml");
const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

interface RuleGroup {
  name: string;
  interval?: string;
  rules: { expr: string; for?: string }[];
}

/** The rules of deploy/prometheus, with all durations divided: so minutes pass in seconds. */
export async function scaledRules(divisor: number, interval: string): Promise<string> {
  const { groups } = YAML.parse(await Bun.file(RULES).text()) as { groups: RuleGroup[] };
  for (const group of groups) {
    group.interval = interval;
    for (const rule of group.rules) {
      rule.expr = rule.expr.replaceAll(/\[(\w+)\]/g, (_, range) => `[${scaled(range, divisor)}]`);
      if (rule.for !== undefined) rule.for = scaled(rule.for, divisor);
    }
  }
  return JSON.stringify({ groups }); // JSON is YAML.
}

function scaled(duration: string, divisor: number): string {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  if (unit === undefined) throw new Error(`rules: no duration: ${duration}`);
  return `${Math.round((Number(count) * UNIT_MS[unit]) / divisor)}ms`;
}
