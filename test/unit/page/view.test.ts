import { describe, expect, test } from "bun:test";
import { familiesPath, familyPath, linkOf, readView } from "../../../src/page/view.ts";

const read = (query: string) => readView(new URLSearchParams(query));

describe("what is looked at", () => {
  test("is written into a link and read from it", () => {
    const view = {
      ...{ search: "a&b=c <x>", type: "gauge", sort: "-growth", offset: 200 },
      ...{ family: "größe.{x}", labels: '"', from: 100 },
    };
    expect(read(linkOf(view))).toEqual(view);
  });

  test("has no more in its link than what is not as ever", () => {
    expect(linkOf(read(""))).toBe("?");
    expect(linkOf(read("?sort=-series"), { search: "x" })).toBe("?search=x&sort=-series");
  });

  test("ignores what it does not know", () => {
    const junk = "?sort=--name&type=meter&offset=-1&from=1e9&x=y&sort=1";
    expect(read(junk)).toEqual(read(""));
    expect(read("?sort=-constructor&offset=0x10")).toEqual(read(""));
  });

  test("is asked of the API in full", () => {
    const view = read("?search=a%26b&type=counter&sort=-series&offset=100&family=f%2F&labels=l");
    expect(familiesPath(view)).toBe(
      "api/v1/families?sort=-series&limit=100&offset=100&search=a%26b&type=counter",
    );
    expect(familyPath(view)).toBe("api/v1/family?name=f%2F&limit=100&offset=0&search=l");
  });
});
