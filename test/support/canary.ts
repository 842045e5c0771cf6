/** A secret that cannot be anywhere by chance, with what is special in any notation. */
export const CANARY = 'canary7Qz@:/?#%= "\\é$&Zq7yranac';

/** Without a comma and spaces at its ends it is a password in either notation. */
const STEMS = ["canary7Qz", "Zq7yranac"];

/** The canary as a URL has it. */
export const CANARY_IN_URL = encodeURIComponent(CANARY);

/** Where a text holds a part of the canary, plain or encoded: the text around it. */
export function findCanary(text: string): string[] {
  const forms = STEMS.flatMap((stem) => [
    stem,
    encodeURIComponent(stem),
    [...stem].reverse().join(""),
    Buffer.from(stem).toString("hex"),
    ...base64Cores(stem),
  ]);
  const found: string[] = [];
  for (const form of new Set(forms)) {
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) {
      found.push(text.slice(Math.max(0, at - 60), at + form.length + 20));
    }
  }
  return found;
}

/** What base64 makes of a text wherever it stands in what is encoded, without the ends that depend on it. */
function base64Cores(stem: string): string[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.from("x".repeat(before) + stem).toString("base64url");
    const whole = Math.floor((before + stem.length) / 3) * 4;
    return text.slice(before === 0 ? 0 : 4, whole);
  });
}
