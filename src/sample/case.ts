/**
 * Upper and lower case by code point, each to one, as Go has it: `ß` stays what it is, where
 * JavaScript makes it `SS`. Source: Go, strings, `ToUpper`, `ToLower`; Unicode, UnicodeData.txt.
 */

export function simpleUpperCase(text: string): string {
  let upper = "";
  for (const character of text) {
    const full = character.toUpperCase();
    upper += isOne(full) ? full : (IOTA_UPPER.get(character) ?? character);
  }
  return upper;
}

export function simpleLowerCase(text: string): string {
  let lower = "";
  for (const character of text) {
    const full = character.toLowerCase();
    // The only one that JavaScript makes two of.
    lower += isOne(full) ? full : "i";
  }
  return lower;
}

function isOne(text: string): boolean {
  return text.length === 1 || (text.length === 2 && text.codePointAt(0)! > 0xffff);
}

/** Greek letters with a iota below: JavaScript makes two of them, but they have one in upper case. */
const IOTA_UPPER = new Map<string, string>();
for (const [first, last, distance] of [
  [0x1f80, 0x1f87, 8],
  [0x1f90, 0x1f97, 8],
  [0x1fa0, 0x1fa7, 8],
  [0x1fb3, 0x1fb3, 9],
  [0x1fc3, 0x1fc3, 9],
  [0x1ff3, 0x1ff3, 9],
]) {
  for (let code = first; code <= last; code++) {
    IOTA_UPPER.set(String.fromCodePoint(code), String.fromCodePoint(code + distance));
  }
}
