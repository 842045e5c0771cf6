/** What `openssl s_client` came to. */
export interface TlsAnswer {
  /** The HTTP answer, headers and all; empty: there was none. */
  text: string;
  status: number | undefined;
  /** The name in the server's certificate. */
  server: string | undefined;
  isReused: boolean;
  cipher: string | undefined;
  errors: string;
}

/** Asks with another TLS than the gateway's. `words`: what `s_client` takes, `-cert` for one. */
export async function askTls(
  port: number,
  words: readonly string[] = [],
  request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
): Promise<TlsAnswer> {
  const child = Bun.spawn(
    ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-ign_eof", ...words],
    { stdin: new Blob([request]), stdout: "pipe", stderr: "pipe" },
  );
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const start = output.indexOf("HTTP/1.1 ");
  const text = start < 0 ? "" : output.slice(start);
  return {
    text,
    status: text === "" ? undefined : Number(text.slice(9, 12)),
    server: /^subject=.*CN = (\S+)$/m.exec(output)?.[1],
    isReused: /^Reused, /m.test(output),
    cipher: /Cipher is (\S+)/.exec(output)?.[1],
    errors,
  };
}
