/** Source: Prometheus, "Exposition formats": `\\`, `\"` and `\n` between quotes. */
export function escapeQuoted(text: string): string {
  if (!/[\\"\n]/.test(text)) return text;
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** What `escapeQuoted` was given. */
export function unescapeQuoted(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}
