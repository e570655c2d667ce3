/**
 * The programs that the gateway is compared with, fetched into the checkout's cache: Debian's nginx without installing
 * it, and the Portkey gateway from npm. What cannot be had fails the benchmark.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT } from "../../local/definitions.ts";

const PORTKEY_VERSION = "1.15.2";
/** With the later ones that npm would choose, Portkey answers 500 to every stream. */
const PORTKEY_STREAMING_SERVER = "1.3.3";

const cacheDir = process.env.CLAVIGER_CACHE ?? join(CHECKOUT, ".cache");

/** An absolute path of nginx. */
export function findNginx(): string {
  const installed = "/usr/sbin/nginx";
  if (existsSync(installed)) return installed;
  const folder = join(cacheDir, "nginx");
  const cached = join(folder, "usr/sbin/nginx");
  if (existsSync(cached)) return cached;
  console.log("nginx is not installed; fetching Debian's package into the cache");
  inNewFolder(folder, (work) => {
    if (!tried("apt-get", ["download", "nginx"], work)) {
      run("apt-get", ["update"], work);
      run("apt-get", ["download", "nginx"], work);
    }
    const [archive] = readdirSync(work).filter((file) => file.endsWith(".deb"));
    if (archive === undefined) throw new Error("apt-get download nginx left no package");
    run("dpkg", ["-x", archive, "."], work);
  });
  return cached;
}

/** An absolute path of the Portkey gateway's program, in the version that everybody measures. */
export function findPortkey(purpose: "plain" | "streams"): string {
  const folder = join(cacheDir, `portkey-${PORTKEY_VERSION}-${purpose}`);
  const program = join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js");
  if (existsSync(program)) return program;
  console.log(`fetching @portkey-ai/gateway ${PORTKEY_VERSION} into the cache`);
  const overrides = purpose === "streams" ? { "@hono/node-server": PORTKEY_STREAMING_SERVER } : {};
  const dependencies = { "@portkey-ai/gateway": PORTKEY_VERSION };
  inNewFolder(folder, (work) => {
    writeFileSync(join(work, "package.json"), JSON.stringify({ private: true, dependencies, overrides }));
    run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts"], work);
  });
  return program;
}

/** Filled completely or not there at all. */
function inNewFolder(folder: string, fill: (work: string) => void): void {
  mkdirSync(cacheDir, { recursive: true });
  const work = mkdtempSync(join(cacheDir, "fetch-"));
  try {
    fill(work);
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], cwd: string): void {
  const result = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 180_000 });
  if (result.status === 0) return;
  const why = result.error?.message ?? result.stderr.trim().split("\n").at(-1);
  throw new Error(`${command} ${args.join(" ")}: ${why}`);
}

function tried(command: string, args: readonly string[], cwd: string): boolean {
  return spawnSync(command, args, { cwd, stdio: "ignore", timeout: 180_000 }).status === 0;
}
