import { faultOfKey, readCertificates } from "./pem.ts";
import type { RedisAccess, TlsTexts } from "./redis-access.ts";
import { SETTINGS, type Settings } from "./settings.ts";
import { readTextFile, shownPath } from "./text-file.ts";

/** All that the files hold, or which of them is wrong, and how. */
export type TlsRead = { ok: true; tls: TlsTexts } | { ok: false; fault: string };

/** All authorities of the world in one file take a tenth of it. */
const PEM_BYTES_MAX = 4_194_304;

const NAMES: Record<keyof TlsTexts, string> = {
  ca: SETTINGS.tlsCaFile.name,
  certificate: SETTINGS.tlsCertificateFile.name,
  key: SETTINGS.tlsKeyFile.name,
};

const KINDS = ["ca", "certificate", "key"] as const;

/** Reads the files of TLS for the start. Returns what is wrong with them, or with their settings. */
export function loadTls({ redis }: Settings): string | undefined {
  const { connection, access } = redis;
  const { files } = access;
  const given = [
    access.tlsServerName && SETTINGS.tlsServerName.name,
    ...KINDS.map((kind) => files[kind] && NAMES[kind]),
  ];
  const name = given.find((text) => text !== "");
  // Samples must not go in the clear because one of the two settings was forgotten.
  if (name !== undefined && !connection.tls) {
    return `config: ${name} needs ssl=true or rediss:// in Redis.ConnectionString`;
  }
  if (files.certificate !== "" && files.key === "") {
    return `config: ${NAMES.certificate} needs ${NAMES.key}`;
  }
  if (files.key !== "" && files.certificate === "") {
    return `config: ${NAMES.key} needs ${NAMES.certificate}`;
  }
  const read = readTls(files, access.tls);
  if (!read.ok) return `config: ${read.fault}`;
  access.tls = read.tls;
  return undefined;
}

/** Reads the files and checks them, unless they hold what is `known` to be right. */
export function readTls(files: RedisAccess["files"], known: TlsTexts): TlsRead {
  const tls: TlsTexts = { ca: "", certificate: "", key: "" };
  for (const kind of KINDS) {
    if (files[kind] === "") continue;
    const read = readTextFile(files[kind], PEM_BYTES_MAX);
    if (!read.ok) return fault(kind, files, read.fault);
    tls[kind] = read.text;
  }
  const { ca, certificate, key } = tls;
  if (ca === known.ca && certificate === known.certificate && key === known.key) {
    return { ok: true, tls: known };
  }
  const authorities = readCertificates(ca);
  if (files.ca !== "" && !authorities.ok) return fault("ca", files, authorities.fault);
  if (files.certificate === "") return { ok: true, tls };
  const chain = readCertificates(certificate);
  if (!chain.ok) return fault("certificate", files, chain.fault);
  const named = `the first certificate in ${NAMES.certificate}`;
  const wrong = faultOfKey(key, chain.certificates[0], named);
  return wrong === undefined ? { ok: true, tls } : fault("key", files, wrong);
}

function fault(kind: keyof TlsTexts, files: RedisAccess["files"], what: string): TlsRead {
  const shown = JSON.stringify(shownPath(files[kind]));
  return { ok: false, fault: `${NAMES[kind]} ${what}, got ${shown}` };
}
