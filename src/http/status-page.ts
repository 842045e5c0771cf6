import { type Ask, gather } from "../page/facts.ts";
import shell from "../page/status.html";
import { readView } from "../page/view.ts";
import { parseQualityList } from "./quality-list.ts";

/** Nothing from elsewhere, nothing inline: what a sender writes can never be more than text. */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"],
  ...["img-src data:", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"],
  ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
].join("; ");

/** Beside what each answer says. */
const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": POLICY,
};

/** The address names the content, so it never changes. */
const FOREVER = "public, max-age=31536000, immutable";

/** The page as HTML, and what it loads, each under an address of its own. */
export const ASSETS = {
  js: { path: "/status/page.js", type: "text/javascript; charset=utf-8" },
  css: { path: "/status/page.css", type: "text/css; charset=utf-8" },
} as const;

type Kind = keyof typeof ASSETS;

interface Asset {
  /** Of its content. */
  tag: string;
  plain: Uint8Array<ArrayBuffer>;
  gzipped: Uint8Array<ArrayBuffer>;
}

interface Bundle {
  html: string;
  assets: Record<Kind, Asset>;
}

/** Answers with the page as it is now, all facts in it. `ask` is the API. */
export async function showPage(ask: Ask, url: URL): Promise<Response> {
  const view = readView(url.searchParams);
  const [{ html }, facts] = await Promise.all([bundle(), gather(ask, view)]);
  // Loaded when somebody looks: a start would take some milliseconds longer.
  const { renderDocument } =
    require("../page/document.tsx") as typeof import("../page/document.tsx");
  return new Response(renderDocument(html, facts, view), { headers: PAGE_HEADERS });
}

export async function showAsset(kind: Kind, request: Request, url: URL): Promise<Response> {
  const { tag, plain, gzipped } = (await bundle()).assets[kind];
  const isGzipped = takesGzip(request.headers.get("accept-encoding"));
  const headers: Record<string, string> = {
    "Content-Type": ASSETS[kind].type,
    "Cache-Control": url.searchParams.get("v") === tag ? FOREVER : "no-cache",
    ETag: `"${tag}"`,
    Vary: "Accept-Encoding",
  };
  if (request.headers.get("if-none-match")?.includes(`"${tag}"`)) {
    return new Response(null, { status: 304, headers });
  }
  if (isGzipped) headers["Content-Encoding"] = "gzip";
  return new Response(isGzipped ? gzipped : plain, { headers });
}

function takesGzip(acceptEncoding: string | null): boolean {
  return parseQualityList(acceptEncoding ?? "").some(
    ({ name, quality }) => name === "gzip" && quality > 0,
  );
}

let read: Promise<Bundle> | undefined;

function bundle(): Promise<Bundle> {
  read ??= readBundle();
  return read;
}

/** Bun has put the files into the executable; run from source they are made when they are asked for. */
async function readBundle(): Promise<Bundle> {
  const files: { path: string; blob: Blob }[] =
    shell.files?.map(({ path }) => ({ path, blob: Bun.file(path) })) ??
    (await Bun.build({ entrypoints: [shell.index], minify: true })).outputs.map((output) => ({
      path: output.path,
      blob: output,
    }));
  const contentOf = async (ending: string): Promise<Uint8Array<ArrayBuffer>> => {
    const file = files.find(({ path }) => path.endsWith(ending));
    if (file === undefined) throw new Error(`BUG: the page has no ${ending}`);
    return new Uint8Array(await file.blob.arrayBuffer());
  };
  const [html, js, css] = await Promise.all([".html", ".js", ".css"].map(contentOf));
  const assets = { js: assetOf(js), css: assetOf(css) };
  return { html: linked(new TextDecoder().decode(html), assets), assets };
}

function assetOf(plain: Uint8Array<ArrayBuffer>): Asset {
  return { tag: Bun.hash(plain).toString(36), plain, gzipped: Bun.gzipSync(plain) };
}

/** Relative, so that the page works behind a proxy that puts it into a folder. */
function linked(html: string, assets: Bundle["assets"]): string {
  return html.replace(
    /(src|href)="[^"]*\.(js|css)"/g,
    (_, attribute: string, kind: Kind) =>
      `${attribute}="${ASSETS[kind].path.slice(1)}?v=${assets[kind].tag}"`,
  );
}
