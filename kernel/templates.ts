/**
 * The hot part of a worker, in AssemblyScript: finds the definitions of messages that were seen
 * before but for their value, and reads the value. `src/sample/templates.ts` is its other side, and
 * says what it is for. `npm run kernel` compiles it into `src/sample/kernel.ts`.
 *
 * Integers of 64 bits are what it is not JavaScript for: eight bytes are hashed, compared and
 * searched at a time.
 *
 * Memory: `top` is where the free part begins. Strings and tables are placed there one after the
 * other and freed all at once by `reset`. A string is an entry: hash (4 bytes), length (4), the
 * first template of which it is the suffix: prefix (4) and meaning (4), then its bytes, and zeros up
 * to a multiple of eight, one at least. Its address names it.
 */

/** Instead of a meaning: the message is not known. */
const UNKNOWN: u32 = 0xffffffff;
/** A bit of a meaning: no negative value has it. */
const NOT_NEGATIVE: u32 = 0x80000000;
/** A bit of a meaning: its template is of elements without the number of their timestamp. */
const TIMED: u32 = 0x40000000;
/** The bits that the teacher chose. */
const MEANING: u32 = 0x3fffffff;

/** Places that are looked at before a string counts as unknown: equal hashes can be made. */
const PROBES_MAX: u32 = 64;

/** Digits that are less than 2^64, whatever they are. */
const DIGITS_MAX: i32 = 19;

/** `"value":` as it stands in memory. */
const KEY: u64 = 0x3a2265756c617622;
/** `"timestamp":` in two parts. */
const TIMESTAMP_KEY: u64 = 0x617473656d697422;
const TIMESTAMP_KEY_REST: u32 = 0x3a22706d;

/** In seconds: what is less, and not negative, is a timestamp whatever else is asked of one. */
const TIMESTAMP_MAX: f64 = 1e11;

/** An element without the number of its timestamp, and what may be read behind it. */
const TIMELESS_MAX: usize = 4096;
const timeless = memory.data(4096 + 16);

let top: usize = 0;

/** The input: where the bytes are, and for each element its start and its end therein. */
let input: usize = 0;
let starts: usize = 0;
let ends: usize = 0;
/** The output, one an element: the meaning, the value and the timestamp. */
let meanings: usize = 0;
let values: usize = 0;
let timestamps: usize = 0;
/** Elements of the input that were found to have a timestamp; some may be counted twice. */
let timedCount: u32 = 0;

/** Of both tables: the addresses of strings, at the place that the hash names or the next ones. */
let prefixSlots: usize = 0;
let prefixMask: u32 = 0;
let prefixCount: u32 = 0;
let suffixSlots: usize = 0;
let suffixMask: u32 = 0;
let suffixCount: u32 = 0;

/** All templates but the first of a suffix, 12 bytes a slot: prefix, suffix, meaning; 0: free. */
let templateSlots: usize = 0;
let templateMask: u32 = 0;
let templateCount: u32 = 0;
/** With the first ones. */
let knownCount: u32 = 0;
/** Whether one of them is of elements with a timestamp: otherwise none is looked for. */
let isAnyTimed: bool = false;
/** Whether the last element that was known had one. */
let isTimedFirst: bool = false;

/** What stands in a string's entry before its bytes. */
const HEAD: usize = 16;

/** What the last scan of an element found: its number. */
let numberStart: usize = 0;
let numberEnd: usize = 0;
/** NaN where the number must be read by other means. */
let number: f64 = 0;
/** Of the element looked at last, in seconds; NaN when it has none, or is not known. */
let timestamp: f64 = 0;
/** Where the element ends in `timeless`. */
let timelessEnd: usize = 0;

/** Makes room for input, bytes and elements, in the place of what there was. */
export function makeRoom(bytesMax: u32, countMax: u32): void {
  input = place(bytesMax + 16);
  starts = place(countMax * 4);
  ends = place(countMax * 4);
  meanings = place(countMax * 4);
  values = place(countMax * 8);
  timestamps = place(countMax * 8);
  // NaN, and so it stays as long as no template is of elements with a timestamp.
  memory.fill(timestamps, 0xff, countMax * 8);
}

/** Forgets all templates and makes room for input. */
export function reset(bytesMax: u32, countMax: u32): void {
  top = (__heap_base + 15) & ~15;
  makeRoom(bytesMax, countMax);
  prefixMask = 255;
  prefixCount = 0;
  prefixSlots = placeZeros((prefixMask + 1) * 4);
  suffixMask = 255;
  suffixCount = 0;
  suffixSlots = placeZeros((suffixMask + 1) * 4);
  templateMask = 255;
  templateCount = 0;
  knownCount = 0;
  isAnyTimed = false;
  templateSlots = placeZeros((templateMask + 1) * 12);
}

export function inputAt(): usize {
  return input;
}

export function startsAt(): usize {
  return starts;
}

export function endsAt(): usize {
  return ends;
}

export function meaningsAt(): usize {
  return meanings;
}

export function valuesAt(): usize {
  return values;
}

export function timestampsAt(): usize {
  return timestamps;
}

/** Whether an element of the input was found to have a timestamp. */
export function hasTimestamps(): bool {
  return timedCount > 0;
}

/** Bytes in use, the input's among them. */
export function used(): usize {
  return top;
}

export function count(): u32 {
  return knownCount;
}

/**
 * Looks at `elementCount` elements of at most `lengthMax` bytes each, and writes their meanings,
 * values and timestamps. Returns how many of them need another look: they are unknown, or their
 * value is NaN.
 */
export function match(elementCount: u32, lengthMax: u32): u32 {
  let left: u32 = 0;
  timedCount = 0;
  for (let i: u32 = 0; i < elementCount; i++) {
    if (!matchOne(i, lengthMax)) left++;
  }
  return left;
}

/** The same for one element. Returns whether it is known, its value included. */
export function matchOne(index: u32, lengthMax: u32): bool {
  const start = input + load<u32>(starts + index * 4);
  const end = input + load<u32>(ends + index * 4);
  timestamp = NaN;
  let meaning = UNKNOWN;
  if (end - start <= lengthMax) {
    meaning = isAnyTimed ? findEither(start, end) : find(start, end, 0);
  }
  if (isAnyTimed) store<f64>(timestamps + index * 8, timestamp);
  store<u32>(meanings + index * 4, meaning);
  store<f64>(values + index * 8, number);
  return meaning !== UNKNOWN && !isNaN<f64>(number);
}

/** Finds the number of an element; `numberAt` and `numberEndAt` say where, in the input. */
export function locate(index: u32): bool {
  const start = input + load<u32>(starts + index * 4);
  const end = input + load<u32>(ends + index * 4);
  return scan(start, end);
}

/**
 * The same for the number of its timestamp, where that is one that need not be looked at again, and
 * the element is not too long for it.
 */
export function locateTimestamp(index: u32): bool {
  const start = input + load<u32>(starts + index * 4);
  const end = input + load<u32>(ends + index * 4);
  return omitTimestamp(start, end);
}

export function numberAt(): u32 {
  return <u32>(numberStart - input);
}

export function numberEndAt(): u32 {
  return <u32>(numberEnd - input);
}

/**
 * Teaches what an element means, whatever its number; it is not known, and has a number. With
 * `TIMED` in its meaning it has a timestamp, too, and means the same whatever that is.
 */
export function learn(index: u32, meaning: u32): void {
  let start = input + load<u32>(starts + index * 4);
  let end = input + load<u32>(ends + index * 4);
  if (meaning & TIMED) {
    if (!omitTimestamp(start, end)) return;
    start = timeless;
    end = timelessEnd;
  }
  if (!scan(start, end)) return;
  const prefix = internPrefix(start, numberStart);
  if (prefix === 0) return;
  const suffix = internSuffix(numberEnd, end);
  if (suffix === 0) return;
  knownCount++;
  if (meaning & TIMED) isAnyTimed = true;
  const first = load<u32>(suffix, 8);
  if (first === 0 || first === <u32>prefix) {
    store<u32>(suffix, <u32>prefix, 8);
    store<u32>(suffix, meaning, 12);
    return;
  }
  if ((templateCount + 1) * 4 > (templateMask + 1) * 3) growTemplates();
  putTemplate(<u32>prefix, <u32>suffix, meaning);
}

/** Gives free memory with a byte for each meaning, for `unlearn`: there until something is placed. */
export function placeFlags(meaningCount: u32): usize {
  const flags = place(meaningCount);
  top = flags;
  return flags;
}

/**
 * Makes unknown all elements whose meaning's flag is not 0. Templates stay where they are: others
 * are found past them, and `learn` gives them a meaning again.
 */
export function unlearn(flags: usize, meaningCount: u32): void {
  for (let i: u32 = 0; i <= suffixMask; i++) {
    const suffix = <usize>load<u32>(suffixSlots + i * 4);
    if (suffix !== 0) unlearnMeaning(suffix + 12, flags, meaningCount);
  }
  for (let i: u32 = 0; i <= templateMask; i++) {
    const slot = templateSlots + i * 12;
    if (load<u32>(slot) !== 0) unlearnMeaning(slot + 8, flags, meaningCount);
  }
}

function unlearnMeaning(at: usize, flags: usize, meaningCount: u32): void {
  // Of one that is unknown already it is greater than any that is taught.
  const meaning = load<u32>(at) & MEANING;
  if (meaning >= meaningCount || load<u8>(flags + meaning) === 0) return;
  store<u32>(at, UNKNOWN);
  knownCount--;
}

/** What an element means, with a timestamp or without: first tried is what the one before it was. */
function findEither(start: usize, end: usize): u32 {
  if (!isTimedFirst) {
    const meaning = find(start, end, 0);
    if (meaning !== UNKNOWN) return meaning;
  }
  const timed = findTimed(start, end);
  if (timed !== UNKNOWN) {
    isTimedFirst = true;
    return timed;
  }
  if (!isTimedFirst) return UNKNOWN;
  const meaning = find(start, end, 0);
  if (meaning !== UNKNOWN) isTimedFirst = false;
  return meaning;
}

/** What an element means that has a timestamp: looked for as it would be without its number. */
function findTimed(start: usize, end: usize): u32 {
  if (!omitTimestamp(start, end)) return UNKNOWN;
  const found = number;
  const meaning = find(timeless, timelessEnd, TIMED);
  if (meaning === UNKNOWN) return UNKNOWN;
  timestamp = found;
  timedCount++;
  return meaning;
}

/** `timed`: `TIMED` or 0, as the template has to have it. */
function find(start: usize, end: usize, timed: u32): u32 {
  if (!scan(start, end)) return UNKNOWN;
  const prefix = findString(
    prefixSlots,
    prefixMask,
    hashOf(start, numberStart),
    start,
    numberStart,
  );
  if (prefix === 0) return UNKNOWN;
  const suffix = findString(suffixSlots, suffixMask, hashOf(numberEnd, end), numberEnd, end);
  if (suffix === 0) return UNKNOWN;
  const meaning = findTemplate(<u32>prefix, <u32>suffix);
  if (meaning === UNKNOWN || (meaning & TIMED) !== timed) return UNKNOWN;
  if (number < 0 && meaning & NOT_NEGATIVE) return UNKNOWN;
  return meaning & MEANING;
}

/** Finds the first `"value":` of an element and the number behind it. */
function scan(start: usize, end: usize): bool {
  // Eight bytes at a time: which of them is a v, the rarest in its key. A carry may name one too many,
  // after a true one.
  for (let at = start; at < end; at += 8) {
    const other = load<u64>(at) ^ 0x7676767676767676;
    let found = (other - 0x0101010101010101) & ~other & 0x8080808080808080;
    while (found !== 0) {
      const key = at + <usize>(ctz(found) >> 3) - 1;
      if (key + 8 > end) return false;
      if (key >= start && load<u64>(key) === KEY) {
        let first = key + 8;
        while (first < end && isSpace(load<u8>(first))) first++;
        numberStart = first;
        return scanNumber(first, end);
      }
      found &= found - 1;
    }
  }
  return false;
}

/**
 * Finds the first `"timestamp":` of an element and the number behind it, and copies the rest to
 * `timeless`. Elements of the same rest are the same but for that number: its place is behind the
 * first such key in the rest as well, give or take spaces on either side of it.
 */
function omitTimestamp(start: usize, end: usize): bool {
  if (end - start > TIMELESS_MAX) return false;
  // As in `scan`, by the p.
  for (let at = start; at < end; at += 8) {
    const other = load<u64>(at) ^ 0x7070707070707070;
    let found = (other - 0x0101010101010101) & ~other & 0x8080808080808080;
    while (found !== 0) {
      const key = at + <usize>(ctz(found) >> 3) - 9;
      if (key + 12 > end) return false;
      if (key >= start && isTimestampKey(key)) {
        let first = key + 12;
        while (first < end && isSpace(load<u8>(first))) first++;
        if (!scanNumber(first, end) || !(number >= 0 && number < TIMESTAMP_MAX)) return false;
        numberStart = first;
        memory.copy(timeless, start, first - start);
        memory.copy(timeless + (first - start), numberEnd, end - numberEnd);
        timelessEnd = timeless + (first - start) + (end - numberEnd);
        return true;
      }
      found &= found - 1;
    }
  }
  return false;
}

function isTimestampKey(at: usize): bool {
  return load<u64>(at) === TIMESTAMP_KEY && load<u32>(at, 8) === TIMESTAMP_KEY_REST;
}

function isSpace(byte: u8): bool {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/**
 * Reads the JSON number (RFC 8259, section 6) that begins at `start` into `number`, as the nearest
 * double, ties to even, and sets `numberEnd`. What cannot be told by the means here becomes NaN.
 * Returns false when no number begins there.
 */
function scanNumber(start: usize, end: usize): bool {
  let at = start;
  const isNegative = load<u8>(at) === 0x2d;
  if (isNegative) at++;
  const integerAt = at;
  // The significant digits; void when there are more than `DIGITS_MAX`.
  let digits: u64 = 0;
  let digit: u32 = load<u8>(at) - 0x30;
  while (at < end && digit <= 9) {
    digits = digits * 10 + digit;
    at++;
    digit = <u32>load<u8>(at) - 0x30;
  }
  let length = <i32>(at - integerAt);
  if (length === 0 || (length > 1 && load<u8>(integerAt) === 0x30)) return false;
  let exponent: i32 = 0;
  if (at < end && load<u8>(at) === 0x2e) {
    const fractionAt = ++at;
    // A zero before the point is not significant, nor are those after it.
    if (length === 1 && digits === 0) {
      length = 0;
      while (at < end && load<u8>(at) === 0x30) at++;
    }
    const significantAt = at;
    while (at + 8 <= end && areDigits(load<u64>(at))) {
      digits = digits * 100000000 + valueOfDigits(load<u64>(at));
      at += 8;
    }
    digit = <u32>load<u8>(at) - 0x30;
    while (at < end && digit <= 9) {
      digits = digits * 10 + digit;
      at++;
      digit = <u32>load<u8>(at) - 0x30;
    }
    if (at === fractionAt) return false;
    length += <i32>(at - significantAt);
    exponent = <i32>(fractionAt - at);
  }
  if (at < end && (load<u8>(at) | 0x20) === 0x65) {
    at++;
    let isDown = false;
    const sign = load<u8>(at);
    if (at < end && (sign === 0x2b || sign === 0x2d)) {
      isDown = sign === 0x2d;
      at++;
    }
    const exponentAt = at;
    let written: i32 = 0;
    digit = <u32>load<u8>(at) - 0x30;
    while (at < end && digit <= 9) {
      written = written * 10 + <i32>digit;
      at++;
      digit = <u32>load<u8>(at) - 0x30;
    }
    if (at === exponentAt) return false;
    exponent += isDown ? -written : written;
    // More than four may be more than an integer holds.
    if (at - exponentAt > 4) length = DIGITS_MAX + 1;
  }
  numberEnd = at;
  const value = length <= DIGITS_MAX ? scale(digits, exponent) : NaN;
  number = isNegative ? -value : value;
  return true;
}

/** Whether eight bytes are digits: their high halves are 3, and stay so when 6 is added. */
function areDigits(bytes: u64): bool {
  const high = bytes & 0xf0f0f0f0f0f0f0f0;
  const raised = (bytes + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0;
  return (high | (raised >> 4)) === 0x3333333333333333;
}

/** Of eight digits, the first one in the lowest byte: pairs, fours, then all are put together. */
function valueOfDigits(bytes: u64): u64 {
  const pairs = ((bytes & 0x0f0f0f0f0f0f0f0f) * 2561) >> 8;
  const fours = ((pairs & 0x00ff00ff00ff00ff) * 6553601) >> 16;
  return ((fours & 0x0000ffff0000ffff) * 42949672960001) >> 32;
}

/** `digits * 10^exponent`, correctly rounded; NaN where that takes other means. */
function scale(digits: u64, exponent: i32): f64 {
  if (exponent < -22 || exponent > 22) return digits === 0 ? 0 : NaN;
  const nearest = <f64>digits;
  if (exponent === 0) return nearest;
  const power = load<f64>(POWERS + abs(exponent) * 8);
  // Two exact doubles: one rounding (Clinger, "How to read floating point numbers accurately", 1990).
  if (digits <= 0x20000000000000) return exponent < 0 ? nearest / power : nearest * power;
  return exponent < 0 ? divide(digits, nearest, power) : NaN;
}

/**
 * `digits / power` with about 100 bits, as the sum of two doubles (Dekker, "A floating-point
 * technique for extending the available precision", 1971), then rounded; NaN where it comes too
 * close to the middle between two doubles to tell.
 */
function divide(digits: u64, nearest: f64, power: f64): f64 {
  const rest = <f64>(<i64>(digits - <u64>nearest));
  const quotient = nearest / power;
  // The remainder of a division is a double: nearest - quotient * power, that product in full.
  const quotientSplit = SPLITTER * quotient;
  const quotientHigh = quotientSplit - (quotientSplit - quotient);
  const quotientLow = quotient - quotientHigh;
  const powerSplit = SPLITTER * power;
  const powerHigh = powerSplit - (powerSplit - power);
  const powerLow = power - powerHigh;
  const product = quotient * power;
  const error =
    quotientHigh * powerHigh -
    product +
    quotientHigh * powerLow +
    quotientLow * powerHigh +
    quotientLow * powerLow;
  const correction = (nearest - product - error + rest) / power;
  // Its own error is far below this: where this does not matter, neither does that.
  const doubt = abs(correction) * DOUBT;
  const result = quotient + (correction - doubt);
  return result === quotient + (correction + doubt) ? result : NaN;
}

/** Splits a double in two halves of 26 bits (Veltkamp). */
const SPLITTER: f64 = 134217729;
/** 2^-45 */
const DOUBT: f64 = 2.842170943040401e-14;
const POWERS = memory.data<f64>([
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
]);

/** Two sums side by side: the multiplications need not wait for each other. */
function hashOf(start: usize, end: usize): u32 {
  let a: u64 = (end - start) ^ 0x9e3779b97f4a7c15;
  let b: u64 = 0xc2b2ae3d27d4eb4f;
  let at = start;
  while (at + 16 <= end) {
    a = (a ^ load<u64>(at)) * 0x9fb21c651e98df25;
    a ^= a >> 32;
    b = (b ^ load<u64>(at, 8)) * 0xd6e8feb86659fd93;
    b ^= b >> 32;
    at += 16;
  }
  if (at + 8 <= end) {
    a = (a ^ load<u64>(at)) * 0x9fb21c651e98df25;
    a ^= a >> 32;
    at += 8;
  }
  if (at < end) b = (b ^ tail(at, end)) * 0xd6e8feb86659fd93;
  a = (a ^ (b >> 29) ^ b) * 0x9fb21c651e98df25;
  return <u32>(a >> 32);
}

/** The up to seven bytes in front of `end`. Memory goes on behind it. */
function tail(at: usize, end: usize): u64 {
  return load<u64>(at) & (((<u64>1) << (<u64>(end - at) * 8)) - 1);
}

function isString(entry: usize, start: usize, end: usize): bool {
  if (load<u32>(entry, 4) !== <u32>(end - start)) return false;
  let at = start;
  let kept = entry + HEAD;
  while (at + 16 <= end) {
    const other = (load<u64>(at) ^ load<u64>(kept)) | (load<u64>(at, 8) ^ load<u64>(kept, 8));
    if (other !== 0) return false;
    at += 16;
    kept += 16;
  }
  if (at + 8 <= end) {
    if (load<u64>(at) !== load<u64>(kept)) return false;
    at += 8;
    kept += 8;
  }
  return at === end || tail(at, end) === load<u64>(kept);
}

function findString(slots: usize, mask: u32, hash: u32, start: usize, end: usize): usize {
  let at = hash & mask;
  for (let probe: u32 = 0; probe < PROBES_MAX; probe++) {
    const entry = <usize>load<u32>(slots + at * 4);
    if (entry === 0) return 0;
    if (load<u32>(entry) === hash && isString(entry, start, end)) return entry;
    at = (at + 1) & mask;
  }
  return 0;
}

/** The prefix of these bytes, made if it is not there; 0 where it finds no place. */
function internPrefix(start: usize, end: usize): usize {
  const hash = hashOf(start, end);
  const known = findString(prefixSlots, prefixMask, hash, start, end);
  if (known !== 0) return known;
  if ((prefixCount + 1) * 4 > (prefixMask + 1) * 3) growPrefixes();
  const entry = placeString(hash, start, end);
  if (!putString(prefixSlots, prefixMask, hash, entry)) {
    // In a table that is almost empty it would find none either: hashes were made to be equal.
    if (prefixCount * 4 < prefixMask) return 0;
    growPrefixes();
    if (!putString(prefixSlots, prefixMask, hash, entry)) return 0;
  }
  prefixCount++;
  return entry;
}

/** The same for a suffix. */
function internSuffix(start: usize, end: usize): usize {
  const hash = hashOf(start, end);
  const known = findString(suffixSlots, suffixMask, hash, start, end);
  if (known !== 0) return known;
  if ((suffixCount + 1) * 4 > (suffixMask + 1) * 3) growSuffixes();
  const entry = placeString(hash, start, end);
  if (!putString(suffixSlots, suffixMask, hash, entry)) {
    if (suffixCount * 4 < suffixMask) return 0;
    growSuffixes();
    if (!putString(suffixSlots, suffixMask, hash, entry)) return 0;
  }
  suffixCount++;
  return entry;
}

function placeString(hash: u32, start: usize, end: usize): usize {
  const length = end - start;
  const entry = place(HEAD + ((length + 8) & ~7));
  store<u32>(entry, hash);
  store<u32>(entry, <u32>length, 4);
  store<u64>(entry, 0, 8);
  store<u64>(entry + (length & ~7), 0, HEAD);
  memory.copy(entry + HEAD, start, length);
  return entry;
}

function putString(slots: usize, mask: u32, hash: u32, entry: usize): bool {
  let at = hash & mask;
  for (let probe: u32 = 0; probe < PROBES_MAX; probe++) {
    if (load<u32>(slots + at * 4) === 0) {
      store<u32>(slots + at * 4, <u32>entry);
      return true;
    }
    at = (at + 1) & mask;
  }
  return false;
}

function growPrefixes(): void {
  const mask = prefixMask * 2 + 1;
  prefixSlots = grownStrings(prefixSlots, prefixMask, mask);
  prefixMask = mask;
}

function growSuffixes(): void {
  const mask = suffixMask * 2 + 1;
  suffixSlots = grownStrings(suffixSlots, suffixMask, mask);
  suffixMask = mask;
}

/** A string that finds no place in it is unknown from then on, and may be added once more. */
function grownStrings(slots: usize, mask: u32, grownMask: u32): usize {
  const grown = placeZeros((grownMask + 1) * 4);
  for (let i: u32 = 0; i <= mask; i++) {
    const entry = <usize>load<u32>(slots + i * 4);
    if (entry !== 0) putString(grown, grownMask, load<u32>(entry), entry);
  }
  return grown;
}

function hashPair(prefix: u32, suffix: u32): u32 {
  const mixed = (((<u64>prefix) << 32) | suffix) * 0x9fb21c651e98df25;
  return <u32>((mixed ^ (mixed >> 29)) >> 16);
}

function findTemplate(prefix: u32, suffix: u32): u32 {
  if (load<u32>(suffix, 8) === prefix) return load<u32>(suffix, 12);
  let at = hashPair(prefix, suffix) & templateMask;
  let slot = templateSlots + at * 12;
  while (load<u32>(slot) !== 0) {
    if (load<u32>(slot) === prefix && load<u32>(slot, 4) === suffix) return load<u32>(slot, 8);
    at = (at + 1) & templateMask;
    slot = templateSlots + at * 12;
  }
  return UNKNOWN;
}

/** Gives a pair its meaning, in the place of the one that it had. */
function putTemplate(prefix: u32, suffix: u32, meaning: u32): void {
  let at = hashPair(prefix, suffix) & templateMask;
  let slot = templateSlots + at * 12;
  while (load<u32>(slot) !== 0) {
    if (load<u32>(slot) === prefix && load<u32>(slot, 4) === suffix) {
      store<u32>(slot, meaning, 8);
      return;
    }
    at = (at + 1) & templateMask;
    slot = templateSlots + at * 12;
  }
  store<u32>(slot, prefix);
  store<u32>(slot, suffix, 4);
  store<u32>(slot, meaning, 8);
  templateCount++;
}

function growTemplates(): void {
  const old = templateSlots;
  const oldMask = templateMask;
  templateMask = oldMask * 2 + 1;
  templateCount = 0;
  templateSlots = placeZeros((templateMask + 1) * 12);
  for (let i: u32 = 0; i <= oldMask; i++) {
    const slot = old + i * 12;
    if (load<u32>(slot) !== 0) putTemplate(load<u32>(slot), load<u32>(slot, 4), load<u32>(slot, 8));
  }
}

/** Takes memory, from a multiple of eight on. What is there may be left from before a `reset`. */
function place(bytes: usize): usize {
  const at = top;
  top = (at + bytes + 7) & ~7;
  const pages = <i32>((top + 16 + 0xffff) >> 16);
  if (pages > memory.size()) memory.grow(max(pages - memory.size(), memory.size() >> 2));
  return at;
}

function placeZeros(bytes: usize): usize {
  const at = place(bytes);
  memory.fill(at, 0, bytes);
  return at;
}
