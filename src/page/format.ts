/**
 * Numbers and times for people. Own code, not `Intl`: the gateway and the browser must write the same.
 * The space before a unit does not break.
 */
const SPACE = "\u00a0";
const MINUS = "\u2212";

const SCALES = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;
const BYTE_SCALES = [
  [2 ** 40, "TiB"],
  [2 ** 30, "GiB"],
  [2 ** 20, "MiB"],
  [2 ** 10, "KiB"],
] as const;

/** Three digits, as `1.23 M`; whole numbers to 9,999 in full. */
export function formatCount(count: number): string {
  if (Number.isInteger(count) && Math.abs(count) < 10_000) return formatExact(count);
  const [value, unit] = scale(count, SCALES);
  return unit === "" ? digits(value) : `${digits(value)}${SPACE}${unit}`;
}

export function formatBytes(bytes: number): string {
  const [value, unit] = scale(bytes, BYTE_SCALES);
  return `${digits(value)}${SPACE}${unit === "" ? "B" : unit}`;
}

/** `0.3 s`, `2 min 5 s`, `3 h 12 min`, `5 d 2 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds === 0) return `0${SPACE}s`;
  if (seconds < 0.0995) return `${digits(seconds * 1000)}${SPACE}ms`;
  if (seconds < 59.95) return `${digits(seconds)}${SPACE}s`;
  const [size, unit, nextSize, nextUnit] = DURATIONS.find(([size]) => seconds >= size - 0.5)!;
  const whole = Math.floor((seconds + 0.5) / size);
  const rest = Math.floor((seconds + 0.5 - whole * size) / nextSize);
  const tail = rest === 0 ? "" : `${SPACE}${rest}${SPACE}${nextUnit}`;
  return `${whole}${SPACE}${unit}${tail}`;
}

const DURATIONS = [
  [86_400, "d", 3600, "h"],
  [3600, "h", 60, "min"],
  [60, "min", 1, "s"],
] as const;

/** How long ago, to the largest unit only, so that it seldom changes. */
export function formatAgo(atMs: number, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - atMs) / 1000);
  if (seconds < 5) return "just now";
  const [size, unit] = DURATIONS.find(([size]) => seconds >= size) ?? [1, "s"];
  return `${Math.floor(seconds / size)}${SPACE}${unit} ago`;
}

/** Every digit, as `1,234,567.5`. */
export function formatExact(value: number): string {
  const [whole, fraction] = String(Math.abs(value)).split(".");
  if (/[^\d]/.test(whole)) return String(value);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const sign = value < 0 ? MINUS : "";
  return `${sign}${grouped}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** To the second, in UTC, so that it is the same for all who look. */
export function formatTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function scale(
  value: number,
  scales: readonly (readonly [size: number, unit: string])[],
): [value: number, unit: string] {
  // What would be rounded up to the next unit has it already.
  const found = scales.find(([size]) => Math.abs(value) >= size * 0.9995);
  return found === undefined ? [value, ""] : [value / found[0], found[1]];
}

function digits(value: number): string {
  const size = Math.abs(value);
  const places = size >= 99.95 || size === 0 ? 0 : size >= 9.995 ? 1 : 2;
  const text = value.toFixed(places);
  return places === 0 ? text : text.replace(/\.?0+$/, "");
}
