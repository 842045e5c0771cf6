export const GET = "GET /-/healthy HTTP/1.1\r\n";
export const PUT = "PUT /-/healthy HTTP/1.1\r\n";
export const HOST = "Host: a\r\n";
export const NEXT = `${GET}${HOST}\r\n`;
export const CHUNKED = "Transfer-Encoding: chunked\r\n";

type Outcome = [statuses: number[], end: "open" | "closed"];
/** What a connection is sent, what it is answered, and whether it stays open. */
export type Row = [what: string, sent: string, ...Outcome];

/** What could be read in two ways, here and by a proxy in front. */
export const SMUGGLING: Row[] = [
  [
    "two lengths that differ",
    `${PUT}${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    [400],
    "closed",
  ],
  ["a list of lengths", `${PUT}${HOST}Content-Length: 5, 5\r\n\r\nhello`, [400], "closed"],
  ["a negative length", `${PUT}${HOST}Content-Length: -5\r\n\r\nhello`, [400], "closed"],
  ["a length with a sign", `${PUT}${HOST}Content-Length: +5\r\n\r\nhello`, [400], "closed"],
  ["a hexadecimal length", `${PUT}${HOST}Content-Length: 0x5\r\n\r\nhello`, [400], "closed"],
  [
    "a length and chunks",
    `${PUT}${HOST}Content-Length: 5\r\n${CHUNKED}\r\n0\r\n\r\n${NEXT}`,
    [400],
    "closed",
  ],
  [
    "chunks and a length",
    `${PUT}${HOST}${CHUNKED}Content-Length: 5\r\n\r\n0\r\n\r\n${NEXT}`,
    [400],
    "closed",
  ],
  [
    "an unknown transfer coding",
    `${PUT}${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${NEXT}`,
    [400],
    "closed",
  ],
  [
    "two transfer codings",
    `${PUT}${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    [400],
    "closed",
  ],
  ["a transfer coding twice", `${PUT}${HOST}${CHUNKED}${CHUNKED}\r\n0\r\n\r\n`, [400], "closed"],
  [
    "identity as transfer coding",
    `${PUT}${HOST}Transfer-Encoding: identity\r\n\r\n`,
    [400],
    "closed",
  ],
  [
    "a tabulator before the coding's name",
    `${PUT}${HOST}Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n`,
    [400],
    "closed",
  ],
  ["a space before the colon", `${GET}${HOST}Content-Length : 5\r\n\r\nhello`, [400], "closed"],
  ["a header that goes on in the next line", `${GET}${HOST}X: a\r\n b\r\n\r\n`, [400], "closed"],
  ["a header without a name", `${GET}${HOST}: a\r\n\r\n`, [400], "closed"],
  ["a NUL in a header", `${GET}${HOST}X: a\0b\r\n\r\n`, [400], "closed"],
  ["a CR in a header", `${GET}${HOST}X: a\rb\r\n\r\n`, [400], "closed"],
  ["a space before the first header", `${GET} ${HOST}\r\n`, [400], "closed"],
  ["lines that end in LF alone", "GET /-/healthy HTTP/1.1\nHost: a\n\n", [505], "closed"],
  ["no Host", `${GET}\r\n`, [400], "closed"],
  ["two hosts", `${GET}Host: a\r\nHost: b\r\n\r\n${NEXT}`, [400], "closed"],
  ["a host with a path", `${GET}Host: a b/../c\r\n\r\n`, [400], "closed"],
  ["a host with a query", `${GET}Host: a?b\r\n\r\n`, [400], "closed"],
  ["a host with a user", `${GET}Host: user@a\r\n\r\n`, [400], "closed"],
  ["an empty host", `${GET}Host:\r\n\r\n`, [200], "open"],
  ["a port that is none", `${GET}Host: [::1]:99999\r\n\r\n`, [400], "closed"],
  ["chunks", `${PUT}${HOST}${CHUNKED}\r\n5\r\nhello\r\n0\r\n\r\n${NEXT}`, [413], "closed"],
  [
    "an endless body in chunks",
    `${PUT}${HOST}${CHUNKED}\r\n${"8000\r\n".concat("x".repeat(32_768), "\r\n").repeat(32)}`,
    [413],
    "closed",
  ],
  [
    "a large body",
    `${PUT}${HOST}Content-Length: 65537\r\n\r\n${"x".repeat(65_537)}${NEXT}`,
    [413],
    "closed",
  ],
  [
    "a large body that never comes",
    `${GET}${HOST}Content-Length: 1000000000000\r\n\r\n`,
    [413],
    "closed",
  ],
  [
    "a small body, with GET",
    `${GET}${HOST}Content-Length: 5\r\n\r\nhello${NEXT}`,
    [200, 200],
    "open",
  ],
  [
    "a small body, with a method that is not allowed",
    `${PUT}${HOST}Content-Length: 5\r\n\r\nhello${NEXT}`,
    [405, 200],
    "open",
  ],
  [
    "a body that waits to be asked for",
    `${PUT}${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello`,
    [100, 405],
    "open",
  ],
  [
    "a body that is a request",
    `${GET}${HOST}Content-Length: ${NEXT.length}\r\n\r\n${NEXT}`,
    [200],
    "open",
  ],
];

/** What comes before the question how long a request is. */
export const LINES: Row[] = [
  ["a thousand requests at once", NEXT.repeat(1000), Array(1000).fill(200), "open"],
  ["names of headers in any case", `${GET}hOsT: a\r\n\r\n`, [200], "open"],
  ["a method in lower case", `get /-/healthy HTTP/1.1\r\n${HOST}\r\n`, [], "closed"],
  ["an unknown method", `FROB /metrics HTTP/1.1\r\n${HOST}\r\n`, [], "closed"],
  ["TRACE", `TRACE /metrics HTTP/1.1\r\n${HOST}Cookie: secret\r\n\r\n`, [405], "closed"],
  ["CONNECT", `CONNECT b:443 HTTP/1.1\r\n${HOST}\r\n`, [405], "closed"],
  [
    "OPTIONS, as before a request to another site",
    `OPTIONS /api/v1/series HTTP/1.1\r\n${HOST}Origin: http://b\r\n\r\n`,
    [405],
    "open",
  ],
  ["HTTP/0.9", "GET /metrics\r\n\r\n", [505], "closed"],
  ["HTTP/1.0 without a host", "GET /-/healthy HTTP/1.0\r\n\r\n", [200], "closed"],
  ["HTTP/1.2", `GET /-/healthy HTTP/1.2\r\n${HOST}\r\n`, [505], "closed"],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400], "closed"],
  [
    "an upgrade to HTTP/2",
    `${GET}${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    [200],
    "open",
  ],
  [
    "an upgrade to a web socket",
    `${GET}${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    [200],
    "open",
  ],
  ["TLS", `\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03${"x".repeat(150)}`, [400], "closed"],
  ["a Redis command", "*1\r\n$4\r\nPING\r\n", [400], "closed"],
  [
    "a request line of 17 KiB",
    `GET /${"a".repeat(17_408)} HTTP/1.1\r\n${HOST}\r\n`,
    [431],
    "closed",
  ],
  ["headers of 17 KiB", `${GET}${HOST}X: ${"a".repeat(17_408)}\r\n\r\n`, [431], "closed"],
  [
    "250 headers",
    `${GET}${HOST}${Array.from({ length: 250 }, (_, i) => `X${i}: a\r\n`).join("")}\r\n`,
    [431],
    "closed",
  ],
  [
    "many types to choose from",
    `${GET.replace("/-/healthy", "/metrics?name[]=none")}${HOST}Accept: ${"a/b;q=0.1,".repeat(1200)}a/b\r\n\r\n`,
    [200],
    "open",
  ],
];
