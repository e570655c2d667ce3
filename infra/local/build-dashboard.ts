/** The dashboard as files that the control plane serves: built when its sources are newer than what was built last. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { LocalStackError } from "./types.ts";

/** What a build is made of, from the checkout's top. */
const SOURCES = [
  "dashboard/src",
  "dashboard/public",
  "dashboard/index.html",
  "dashboard/package.json",
  "dashboard/vite.config.ts",
  "shared/src/api",
  "shared/src/decide",
  "shared/src/wire/scalars.ts",
];

/** Makes `dashboard/dist` current. Two builders at once do each other no harm: a finished build is moved into place. */
export async function buildDashboard(checkout: string, report: (line: string) => void): Promise<void> {
  const dist = join(checkout, "dashboard/dist");
  const page = join(dist, "index.html");
  if (existsSync(page) && statSync(page).mtimeMs > newestMs(checkout)) return;
  const sinceMs = Date.now();
  report("building the dashboard");
  const fresh = mkdtempSync(join(checkout, "dashboard/dist-"));
  try {
    await runVite(checkout, fresh);
    const old = `${fresh}-old`;
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  report(`the dashboard is built (${Date.now() - sinceMs} ms)`);
}

function newestMs(checkout: string): number {
  return Math.max(
    ...SOURCES.flatMap((source) => {
      const path = join(checkout, source);
      const state = statSync(path);
      if (!state.isDirectory()) return [state.mtimeMs];
      // A folder's own time tells of files that were taken away.
      const below = readdirSync(path, { recursive: true }).map((name) => join(path, String(name)));
      return [path, ...below].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    }),
  );
}

function runVite(checkout: string, outDir: string): Promise<void> {
  const cwd = join(checkout, "dashboard");
  const vite = join(cwd, "node_modules/vite/bin/vite.js");
  const child = spawn(
    process.execPath,
    [vite, "build", "--outDir", outDir, "--emptyOutDir", "--logLevel", "warn"],
    {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH ?? "", NODE_ENV: "production", NO_COLOR: "1" },
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new LocalStackError("the dashboard could not be built", output.trim())),
    );
  });
}
