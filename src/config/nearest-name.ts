const DISTANCE_MAX = 3;

/**
 * Finds the known name that `given` most likely meant, or undefined when none is near.
 *
 * Case does not count. Near is up to three edits, fewer for short names: one edit for every
 * four characters.
 */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  const word = given.toLowerCase().slice(0, 100); // a longer one is near to nothing we know
  let bestDistance = Math.min(DISTANCE_MAX, Math.max(1, Math.floor(word.length / 4))) + 1;
  let best: string | undefined;
  for (const name of known) {
    const distance = editDistance(word, name.toLowerCase());
    if (distance < bestDistance) {
      bestDistance = distance;
      best = name;
    }
  }
  return best;
}

/** Levenshtein distance: how many characters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
