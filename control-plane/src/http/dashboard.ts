/**
 * The dashboard's files, as the build left them. Pages are one HTML file for every path below `/dashboard`; its scripts,
 * styles and faces come from this origin and from nowhere else, which the policy below makes the browser enforce.
 */
import { readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { problem } from "@claviger/shared/api/problem";
import type { Context, Hono } from "hono";
import type { HttpEnv } from "./mount.ts";

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

interface Asset {
  readonly changedMs: number;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly packed: Uint8Array<ArrayBuffer> | undefined;
}

/** Paths of products that users come from, and where the same thing stands here. */
const elsewhere: readonly (readonly [path: `/${string}`, to: (projectId: string) => string])[] = [
  ["/", () => "/dashboard/keys"],
  ["/dashboard", () => "/dashboard/keys"],
  ["/dashboard/configuration/api-keys", () => "/dashboard/keys"],
  ["/admin/projects/:projectId/settings/api-keys", (id) => `/dashboard/projects/${id}/api-access/api-keys`],
  [
    "/admin/projects/:projectId/settings/llm-api-keys",
    (id) => `/dashboard/projects/${id}/api-access/llm-keys`,
  ],
];

/** Serves `/dashboard` from a folder; what the folder does not hold is the page itself, which knows its own paths. */
export function mountDashboard(app: Hono<HttpEnv>, folder: string): void {
  const assets = new Map<string, Asset>();
  for (const [path, to] of elsewhere) {
    app.get(path, (context) =>
      context.redirect(to(encodeURIComponent(context.req.param("projectId") ?? ""))),
    );
  }
  app.get("/dashboard/*", async (context) => {
    const path = context.req.path.slice("/dashboard/".length);
    const isFile = /^(assets\/)?[\w.-]+\.(js|css|svg|woff2)$/.test(path);
    const name = isFile ? path : "index.html";
    const asset = await load(assets, join(folder, name));
    if (asset === undefined) throw problem("unknown_url");
    return answer(context, name, asset);
  });
}

async function load(assets: Map<string, Asset>, file: string): Promise<Asset | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || !found.isFile()) return undefined;
  const held = assets.get(file);
  if (held?.changedMs === found.mtimeMs) return held;
  const plain = new Uint8Array(await readFile(file));
  const packed = extname(file) === ".woff2" ? undefined : new Uint8Array(await promisify(gzip)(plain));
  const asset = { changedMs: found.mtimeMs, plain, packed };
  assets.set(file, asset);
  return asset;
}

function answer(context: Context<HttpEnv>, name: string, { plain, packed }: Asset): Response {
  const gzipped = packed !== undefined && (context.req.header("accept-encoding") ?? "").includes("gzip");
  const headers: Record<string, string> = {
    "content-type": types[extname(name)] ?? "application/octet-stream",
    // Files below assets/ carry their digest in the name.
    "cache-control": name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    "content-security-policy": policy,
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    vary: "accept-encoding",
    ...(gzipped ? { "content-encoding": "gzip" } : {}),
  };
  return new Response(gzipped ? packed : plain, { headers });
}
