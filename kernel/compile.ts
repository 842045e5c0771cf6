import { main } from "assemblyscript/asc";

/** Where the compiled kernel stands: as text, so that no file has to be found at run time. */
export const KERNEL_MODULE = "src/sample/kernel.ts";

/** Compiles `templates.ts`, and gives the text of the module that holds it. */
export async function compileKernel(): Promise<string> {
  const files = new Map<string, Uint8Array>();
  const { error, stderr } = await main(
    ["kernel/templates.ts", "-O3", "--runtime", "stub", "--noAssert", "--outFile", "kernel.wasm"],
    {
      writeFile: (name, contents) => {
        files.set(name, typeof contents === "string" ? Buffer.from(contents) : contents);
      },
    },
  );
  const wasm = files.get("kernel.wasm");
  if (error || wasm === undefined)
    throw new Error(`kernel: ${stderr.toString()}`, { cause: error });
  const lines =
    Buffer.from(wasm)
      .toString("base64")
      .match(/.{1,94}/g) ?? [];
  return `/** Made of \`kernel/templates.ts\` by \`npm run kernel\`: WebAssembly in base64. */
export const KERNEL = [
${lines.map((line) => `  "${line}",`).join("\n")}
].join("");
`;
}

if (import.meta.main) await Bun.write(KERNEL_MODULE, await compileKernel());
