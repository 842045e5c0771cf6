import { constants, createHash, type X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { faultOfKey, readCertificates } from "./pem.ts";
import { SETTINGS, type Settings } from "./settings.ts";
import { readTextFile, shownPath } from "./text-file.ts";
import { OPENSSL_VERSIONS, openSslReasonOf } from "./tls-names.ts";
import {
  type ClientAuthType,
  type PemSource,
  parseWebConfig,
  type TlsConfig,
  type WebConfig,
} from "./web-config.ts";

/** Who may look, out of the files that say so. */
export interface WebFiles extends Omit<WebConfig, "tls"> {
  tls: TlsTerms | undefined;
  /** SHA-256 of each bearer token. */
  tokenDigests: readonly Buffer[];
}

/** What a connection has to agree to. */
export interface TlsTerms {
  context: SecureContext;
  clientAuth: ClientAuthType;
  /** Undefined: any certificate's names will do. */
  allowedSans: ReadonlySet<string> | undefined;
  /** When the certificate ends, or one that it comes with, in ms since 1970: the earliest of them. */
  expiresMs: number;
}

/** `stamps`: of all files that it depends on, those that could not be read among them, before they were. */
export type WebFilesRead = { stamps: ReadonlyMap<string, string> } & (
  | { ok: true; files: WebFiles }
  | { ok: false; faults: string[] }
);

type WebFileNames = Pick<Settings["web"], "configFile" | "bearerTokenFile">;

const FILE_BYTES_MAX = 1 << 20;
const TOKENS_MAX = 100;
/** Source: RFC 6750, 2.1, "b64token". */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** A fault's text. Its message goes out as it is, so it must not quote what a file holds. */
class Fault extends Error {}

/** Reads `Web.ConfigFile`, what it names, and `Web.BearerTokenFile`. */
export function readWebFiles({ configFile, bearerTokenFile }: WebFileNames): WebFilesRead {
  const stamps = new Map<string, string>();
  const read = (path: string, name: string): string => {
    stamps.set(path, stampOf(path));
    return readText(path, name);
  };
  const faults: string[] = [];
  let config: WebConfig = { tls: undefined, headers: [], users: new Map(), rateLimit: undefined };
  let tls: TlsTerms | undefined;
  let tokenDigests: Buffer[] = [];
  const attempt = (step: () => void) => {
    try {
      step();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(error.message);
    }
  };
  if (configFile !== "") {
    attempt(() => {
      const parsed = parseWebConfig(read(configFile, `config: ${SETTINGS.webConfigFile.name}`));
      if (!parsed.ok) throw new Fault(parsed.faults.join("\n"));
      config = parsed.config;
      if (config.tls !== undefined) tls = openTls(config.tls, dirname(configFile), read);
    });
  }
  if (bearerTokenFile !== "") {
    const name = `config: ${SETTINGS.bearerTokenFile.name}`;
    attempt(() => {
      tokenDigests = digestTokens(read(bearerTokenFile, name), name);
    });
  }
  if (faults.length > 0) return { ok: false, faults, stamps };
  return { ok: true, files: { ...config, tls, tokenDigests }, stamps };
}

/** What changes whenever a file does: also when it is replaced, or a link to it is. */
export function stampOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  }
}

function readText(path: string, name: string): string {
  const read = readTextFile(path, FILE_BYTES_MAX);
  if (read.ok) return read.text;
  throw new Fault(`${name} ${read.fault}, got ${JSON.stringify(shownPath(path))}`);
}

/** Paths are relative to the folder of the file that names them. */
function openTls(
  config: TlsConfig,
  folder: string,
  read: (path: string, name: string) => string,
): TlsTerms {
  const pemOf = (source: PemSource) =>
    "pem" in source
      ? source.pem
      : read(resolve(folder, source.path), `web config: ${source.field}`);
  // All are read before one is looked at: each is to be watched, whatever is wrong with another.
  const [certificate, key] = [pemOf(config.certificate), pemOf(config.key)];
  const clientCa = config.clientCa && pemOf(config.clientCa);
  const chain = takeCertificates(certificate, config.certificate);
  if (config.clientCa && clientCa !== undefined) takeCertificates(clientCa, config.clientCa);
  const fault = faultOfKey(key, chain[0], "the certificate");
  if (fault !== undefined) throw new Fault(`web config: ${config.key.field} ${fault}`);
  const context = openContext(config, { cert: certificate, key, ca: clientCa });
  const { clientAuth, allowedSans } = config;
  const expiresMs = Math.min(...chain.map(({ validTo }) => Date.parse(validTo)));
  return { context, clientAuth, allowedSans, expiresMs };
}

function openContext(config: TlsConfig, pem: { cert: string; key: string; ca?: string }) {
  try {
    return createSecureContext({
      ...pem,
      minVersion: OPENSSL_VERSIONS[config.minVersion],
      maxVersion: OPENSSL_VERSIONS[config.maxVersion],
      ciphers: config.ciphers,
      honorCipherOrder: config.prefersOwnOrder,
      ecdhCurve: config.curves,
      // A session that is taken up again would bring along a certificate that has ended since.
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
  } catch (error) {
    // Of a file that was cut off the whole certificates before the cut are right by themselves.
    const reason = openSslReasonOf(error as Error) ?? "for no known reason";
    throw new Fault(`web config: tls_server_config cannot be used: ${reason}`);
  }
}

function takeCertificates(
  pem: string,
  { field }: PemSource,
): [X509Certificate, ...X509Certificate[]] {
  const read = readCertificates(pem);
  if (read.ok) return read.certificates;
  throw new Fault(`web config: ${field} ${read.fault}`);
}

/** A token a line, so that an old and a new one are taken meanwhile. */
function digestTokens(text: string, name: string): Buffer[] {
  const lines = text.split("\n").map((line) => line.trim());
  const wrong = lines.findIndex((line) => line !== "" && !TOKEN.test(line));
  if (wrong >= 0) {
    throw new Fault(
      `${name} must have a token a line, of A-Z a-z 0-9 . _ ~ + / -: see its line ${wrong + 1}`,
    );
  }
  const tokens = lines.filter((line) => line !== "");
  if (tokens.length === 0 || tokens.length > TOKENS_MAX) {
    throw new Fault(`${name} must have 1..${TOKENS_MAX} tokens, a line each, got ${tokens.length}`);
  }
  return tokens.map(digestOf);
}

/** What secrets are compared by: as long as each other, and nothing is learnt from how far they agree. */
export function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
