import { expect, test } from "bun:test";
import { compileKernel, KERNEL_MODULE } from "../../../kernel/compile.ts";

test("the compiled kernel is what kernel/templates.ts gives: else run npm run kernel", async () => {
  expect(await Bun.file(KERNEL_MODULE).text()).toBe(await compileKernel());
});
