import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";

/** An authority that nobody else knows, and a certificate that it has signed. Paths of PEM files. */
export interface Certificates {
  folder: string;
  ca: string;
  certificate: string;
  key: string;
  /** Another certificate of the authority, for a client; its key is in the same file. */
  issue(name: string): Promise<string>;
  remove(): void;
}

/** Makes them with `openssl`; `names` such as `DNS:redis.test` or `IP:127.0.0.1`. */
export async function makeCertificates(names: readonly string[]): Promise<Certificates> {
  const folder = mkdtempSync(join(tmpdir(), "gateway-tls-"));
  const path = (name: string) => join(folder, name);
  writeFileSync(path("names"), `subjectAltName=${names.join(",")}\n`);
  const openssl = async (...words: string[]) => {
    await $`openssl ${words}`.cwd(folder).quiet();
  };
  const newKey = (file: string) => ["-newkey", "rsa:2048", "-nodes", "-keyout", file];
  await openssl("req", "-x509", ...newKey("ca.key"), "-subj", "/CN=private", "-out", "ca.pem");
  await openssl("req", ...newKey("key.pem"), "-subj", "/CN=redis", "-out", "request.pem");
  const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  const files = ["-in", "request.pem", "-extfile", "names", "-out", "certificate.pem"];
  await openssl("x509", "-req", ...authority, ...files);
  return {
    folder,
    ca: path("ca.pem"),
    certificate: path("certificate.pem"),
    key: path("key.pem"),
    issue: async (name) => {
      const [key, request, signed] = [`${name}.key`, `${name}.request`, `${name}.signed`];
      await openssl("req", ...newKey(key), "-subj", `/CN=${name}`, "-out", request);
      await openssl("x509", "-req", ...authority, "-in", request, "-out", signed);
      const texts = [signed, key].map((file) => readFileSync(path(file), "utf8"));
      writeFileSync(path(`${name}.pem`), texts.join(""));
      return path(`${name}.pem`);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
