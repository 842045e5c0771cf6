import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { SETTINGS, type Settings } from "../config/settings.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Reads the authorities of `Redis.TlsCaFile`, if it is set. Returns what is wrong with it. */
export function readTlsCa({ redis }: Settings): string | undefined {
  const path = redis.tlsCaFile;
  if (path === "") return undefined;
  const fault = (text: string) => `config: ${SETTINGS.tlsCaFile.name} ${text}`;
  // Samples must not go in the clear because one of the two settings was forgotten.
  if (!redis.connection.tls) return fault("needs ssl=true or rediss:// in Redis.ConnectionString");
  let pem: string;
  try {
    pem = readFileSync(path, "utf8");
  } catch (error) {
    return fault(`cannot be read: ${(error as Error).message}`);
  }
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) return fault(`must be certificates in PEM, got "${path}"`);
  const damaged = certificates.findIndex((certificate) => !isCertificate(certificate));
  if (damaged >= 0) return fault(`has a damaged certificate, its number ${damaged + 1}`);
  redis.tlsCa = pem;
  return undefined;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
