import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";

/** An authority that nobody else knows, and a certificate that it has signed. Paths of PEM files. */
export interface Certificates {
  folder: string;
  ca: string;
  certificate: string;
  key: string;
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
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
