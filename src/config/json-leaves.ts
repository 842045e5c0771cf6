/**
 * One value of a JSON file with the keys that lead to it; in a list an element's index is its key.
 *
 * `text`: a string's content, or a number, true or false exactly as written; "" for null and lists.
 */
export interface Leaf {
  path: readonly string[];
  kind: "value" | "null" | "list";
  text: string;
}

export type LeavesRead = { ok: true; leaves: Leaf[] } | { ok: false; fault: string };

const DEPTH_MAX = 64; // as .NET; the reader recurses

const BLANK = /(?:[ \t\r\n]|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what JSON forbids in a string
const STRING = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y;
const SCALAR = /(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![\w.])/y;

/**
 * Reads the leaves of a JSON object in the order of the file. As .NET does, it takes a UTF-8
 * BOM, comments and trailing commas, and everything else as JSON has it.
 *
 * It stands here, and not `Bun.JSONC.parse`, because that one keeps the last of two equal keys, takes
 * what follows the object, and quotes the file in its errors, which may be a password.
 *
 * Equal keys give a leaf each. A list is a leaf, and those of its elements follow.
 * Failure is a value: its `fault` says what was expected and where, and never quotes the file.
 */
export function readJsonLeaves(text: string): LeavesRead {
  return new LeafReader(text.startsWith("\uFEFF") ? text.slice(1) : text).read();
}

class LeafReader {
  readonly #text: string;
  readonly #path: string[] = [];
  readonly #leaves: Leaf[] = [];
  #offset = 0;
  #fault = "";

  constructor(text: string) {
    this.#text = text;
  }

  read(): LeavesRead {
    const isRead = this.#readObject(0) && this.#expectEnd();
    return isRead ? { ok: true, leaves: this.#leaves } : { ok: false, fault: this.#fault };
  }

  #expectEnd(): boolean {
    this.#skipBlank();
    return this.#offset === this.#text.length || this.#fail("the end of the file");
  }

  #readObject(depth: number): boolean {
    if (depth > DEPTH_MAX) return this.#fail(`at most ${DEPTH_MAX} levels`);
    if (!this.#take("{")) return this.#fail('"{"');
    while (!this.#take("}")) {
      const key = this.#match(STRING);
      if (key === undefined) return this.#fail('a name in double quotes or "}"');
      if (!this.#take(":")) return this.#fail('":"');
      this.#path.push(JSON.parse(key) as string);
      if (!this.#readValue(depth + 1)) return false;
      this.#path.pop();
      if (!this.#take(",") && !this.#isNext("}")) return this.#fail('"," or "}"');
    }
    return true;
  }

  #readValue(depth: number): boolean {
    if (this.#isNext("{")) return this.#readObject(depth);
    if (this.#isNext("[")) return this.#readList(depth);
    const string = this.#match(STRING);
    if (string !== undefined) return this.#addLeaf("value", JSON.parse(string) as string);
    const scalar = this.#match(SCALAR);
    if (scalar === undefined) return this.#fail("a value");
    return scalar === "null" ? this.#addLeaf("null", "") : this.#addLeaf("value", scalar);
  }

  #readList(depth: number): boolean {
    if (depth > DEPTH_MAX) return this.#fail(`at most ${DEPTH_MAX} levels`);
    this.#take("[");
    this.#addLeaf("list", "");
    for (let index = 0; !this.#take("]"); index++) {
      this.#path.push(String(index));
      if (!this.#readValue(depth + 1)) return false;
      this.#path.pop();
      if (!this.#take(",") && !this.#isNext("]")) return this.#fail('"," or "]"');
    }
    return true;
  }

  #addLeaf(kind: Leaf["kind"], text: string): true {
    this.#leaves.push({ path: [...this.#path], kind, text });
    return true;
  }

  #skipBlank(): void {
    BLANK.lastIndex = this.#offset;
    BLANK.test(this.#text);
    this.#offset = BLANK.lastIndex;
  }

  #isNext(character: string): boolean {
    this.#skipBlank();
    return this.#text[this.#offset] === character;
  }

  #take(character: string): boolean {
    if (!this.#isNext(character)) return false;
    this.#offset++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    this.#skipBlank();
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#text)?.[0];
    this.#offset += found?.length ?? 0;
    return found;
  }

  #fail(expected: string): false {
    const before = this.#text.slice(0, this.#offset).split("\n");
    const column = before[before.length - 1]!.length + 1;
    this.#fault = `expected ${expected} at line ${before.length}, column ${column}`;
    return false;
  }
}
