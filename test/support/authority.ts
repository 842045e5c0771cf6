import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";

/** Paths of PEM files. */
export interface Issued {
  certificate: string;
  key: string;
}

/** An authority that nobody else knows. */
export interface Authority {
  folder: string;
  ca: string;
  /** `names` such as `DNS:a.example`; `days`: how long it is valid, below 0: it has ended; `use`: for what. */
  issue(names: readonly string[], options?: { days?: number; use?: string }): Promise<Issued>;
  remove(): void;
}

/** Makes one with `openssl`. */
export async function makeAuthority(): Promise<Authority> {
  const folder = mkdtempSync(join(tmpdir(), "authority-"));
  const openssl = async (...words: string[]) => {
    await $`openssl ${words}`.cwd(folder).quiet();
  };
  const newKey = (file: string) => ["-newkey", "ec", "-pkeyopt", CURVE, "-nodes", "-keyout", file];
  await openssl("req", "-x509", ...newKey("ca.key"), "-subj", "/CN=private", "-out", "ca.pem");
  let issued = 0;
  return {
    folder,
    ca: join(folder, "ca.pem"),
    issue: async (names, { days = 30, use } = {}) => {
      const name = `issued-${++issued}`;
      const usage = use === undefined ? "" : `extendedKeyUsage=${use}\n`;
      writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names.join(",")}\n${usage}`);
      const [request, certificate, key] = [`${name}.csr`, `${name}.pem`, `${name}.key`];
      await openssl("req", ...newKey(key), "-subj", `/CN=${name}`, "-out", request);
      await openssl(
        ...["x509", "-req", "-in", request, "-extfile", `${name}.ext`, "-out", certificate],
        ...["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", String(days)],
      );
      return { certificate: join(folder, certificate), key: join(folder, key) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const CURVE = "ec_paramgen_curve:P-256";
