const SHOWN_LENGTH_MAX = 60;

/**
 * One line about a setting: what is wrong, what was given, and where that stands.
 *
 * `fault` goes on from the name ("must be ..."). `got`: undefined where it must not be shown, or where
 * nothing was given.
 */
export function faultLine(
  name: string,
  fault: string,
  got: string | undefined,
  source: string,
): string {
  const shown = got === undefined ? "" : `, got ${JSON.stringify(cut(got))}`;
  return `config: ${name} ${fault}${shown} (${source})`;
}

function cut(text: string): string {
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text;
}
