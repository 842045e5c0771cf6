import { describe, expect, test } from "bun:test";
import { escapeLabelName, escapeMetricName } from "../../../src/exposition/escaping.ts";
import type { EscapingScheme } from "../../../src/exposition/format.ts";

/** Source: prometheus/common, model.TestEscapeName. */
const NAMES: [name: string, escaped: Record<Exclude<EscapingScheme, "allow-utf-8">, string>][] = [
  [
    "mysystem.prod.west.cpu.load",
    {
      underscores: "mysystem_prod_west_cpu_load",
      dots: "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
      values: "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load",
    },
  ],
  [
    "mysystem.prod.west.cpu.load_total",
    {
      underscores: "mysystem_prod_west_cpu_load_total",
      dots: "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total",
      values: "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total",
    },
  ],
  [
    "http.status:sum",
    {
      underscores: "http_status:sum",
      dots: "http_dot_status:sum",
      values: "U__http_2e_status:sum",
    },
  ],
  [
    "label with 😱",
    {
      underscores: "label_with__",
      dots: "label__with____",
      values: "U__label_20_with_20__1f631_",
    },
  ],
  ["花火", { underscores: "__", dots: "____", values: "U___82b1__706b_" }],
  [
    "label with \u0100",
    {
      underscores: "label_with__",
      dots: "label__with____",
      values: "U__label_20_with_20__100_",
    },
  ],
  ["1a.2", { underscores: "_a_2", dots: "__a_dot_2", values: "U___31_a_2e_2" }],
];

describe("the name of a metric", () => {
  for (const [name, escaped] of NAMES) {
    for (const scheme of ["underscores", "dots", "values"] as const) {
      test(`${JSON.stringify(name)} is ${escaped[scheme]} by ${scheme}`, () => {
        expect(escapeMetricName(name, scheme)).toBe(escaped[scheme]);
      });
    }
    test(`${JSON.stringify(name)} stays as it is by allow-utf-8`, () => {
      expect(escapeMetricName(name, "allow-utf-8")).toBe(name);
    });
  }

  test("that each scraper takes is not escaped: client_golang leaves it so by dots, too", () => {
    for (const scheme of ["underscores", "dots", "values"] as const) {
      expect(escapeMetricName("no:escaping_required", scheme)).toBe("no:escaping_required");
    }
  });
});

describe("the name of a label", () => {
  test("is escaped as that of a metric is", () => {
    expect(escapeLabelName("some.label", "values")).toBe("U__some_2e_label");
    expect(escapeLabelName("some_label", "dots")).toBe("some_label");
  });

  test("has no colon when it was escaped, since no parser takes one", () => {
    expect(escapeLabelName("a:b", "underscores")).toBe("a_b");
    expect(escapeLabelName("a:b", "dots")).toBe("a__b");
    expect(escapeLabelName("a:b", "values")).toBe("U__a_3a_b");
  });
});
