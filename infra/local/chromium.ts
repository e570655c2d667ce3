/** Finds a Chromium, or installs Debian's. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { LocalStackError } from "./types.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const OTHER_PLACES = [
  "/usr/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** Without a display, without a sandbox (containers have none of their own), and without calls home. */
export const chromiumFlags: readonly string[] = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  // Containers give /dev/shm 64 MB; a page that needs more hangs.
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** An absolute path of a browser: on PATH, in the usual places, else Debian's package when we may install it. */
export function findChromium(searchPath: string, report?: (line: string) => void): string {
  const present = look(searchPath);
  if (present !== undefined) return present;
  const failure = process.getuid?.() === 0 ? install(report) : "not root, so it was not tried";
  const installed = look(searchPath);
  if (installed !== undefined) return installed;
  throw new LocalStackError(
    `no Chromium: none of ${NAMES.join(", ")} is on PATH, and "apt-get install chromium" did not help (${failure})`,
  );
}

function look(searchPath: string): string | undefined {
  const onPath = searchPath.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...OTHER_PLACES].find((file) => file.startsWith("/") && existsSync(file));
}

function install(report?: (line: string) => void): string {
  report?.("chromium is not installed; installing Debian's package");
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", "chromium"]]) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const result = spawnSync("apt-get", args, { encoding: "utf8", env, timeout: 600_000 });
    if (result.error !== undefined) return result.error.message;
    if (result.status !== 0) return result.stderr.trim().split("\n").at(-1) ?? `ended with ${result.status}`;
  }
  return "it was installed, but its program is not where it should be";
}
