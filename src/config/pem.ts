import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** At least one certificate, or what is wrong: that goes on from the name of what holds them. */
export type CertificatesRead =
  | { ok: true; certificates: [X509Certificate, ...X509Certificate[]] }
  | { ok: false; fault: string };

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]*?-----END (?:[A-Z]+ )?PRIVATE KEY-----/;

/** Reads the certificates in a text in PEM; what stands between them does not count. */
export function readCertificates(pem: string): CertificatesRead {
  const certificates: X509Certificate[] = [];
  for (const block of pem.match(CERTIFICATE) ?? []) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      const number = certificates.length + 1;
      return { ok: false, fault: `has a damaged certificate, its number ${number}` };
    }
  }
  const [first, ...others] = certificates;
  if (first === undefined) return { ok: false, fault: "must be certificates in PEM" };
  return { ok: true, certificates: [first, ...others] };
}

/**
 * What is wrong with the first key in a text in PEM, which must be that of `certificate`; `named`: what
 * that is called. Undefined: nothing is. Says nothing of what the text holds.
 */
export function faultOfKey(
  pem: string,
  certificate: X509Certificate,
  named: string,
): string | undefined {
  const text = KEY.exec(pem)?.[0];
  if (text === undefined) return "must be a key in PEM";
  if (/BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED/m.test(text)) {
    return "must be a key without a passphrase, which `openssl pkey` removes";
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    return "has a damaged key";
  }
  return certificate.checkPrivateKey(key) ? undefined : `is not the key of ${named}`;
}
