/** A sample's value: the shortest decimal that reads back as the same double. */
export function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

/**
 * A number as the value of `le` or `quantile`, as client_golang writes it: shortest digits, an
 * exponent of at least two digits below 1e-4 and from 1e+06 on.
 * Source: Go, strconv.FormatFloat(value, 'g', -1, 64).
 */
export function formatLabelNumber(value: number): string {
  if (!Number.isFinite(value)) return formatValue(value);
  const [digits, exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value === 0 || (power >= -4 && power < 6)) return String(value);
  const sign = power < 0 ? "-" : "+";
  return `${digits}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}

/**
 * The same as OpenMetrics wants it: no whole number without a point or an exponent.
 * Source: OpenMetrics 1.0, "Considerations: Canonical Numbers".
 */
export function formatCanonicalNumber(value: number): string {
  const text = formatLabelNumber(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
