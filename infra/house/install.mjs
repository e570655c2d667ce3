import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PlainError } from "./platform.mjs";

const stampOf = (root) => join(root, "node_modules/.claviger/lockfile.sha256");

/** True when node_modules holds what the lockfile says, as far as stamps can tell; costs no process. */
export function isInstalled(root) {
  if (!existsSync(join(root, "node_modules/.bin"))) return false;
  if (existsSync(stampOf(root)) && readFileSync(stampOf(root), "utf8") === fingerprint(root)) return true;
  // A `pnpm install` by hand leaves no stamp of ours, but its own state file is then newer than the lockfile.
  const state = statSync(join(root, "node_modules/.pnpm-workspace-state-v1.json"), { throwIfNoEntry: false });
  const lockfile = statSync(join(root, "pnpm-lock.yaml"));
  return state !== undefined && state.mtimeMs > lockfile.mtimeMs;
}

/** Installs exactly the lockfile, showing pnpm's progress. Throws a PlainError that says what to do. */
export async function install(root) {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  console.error(`Installing dependencies (${packageManager}) …`);
  const fingerprintBefore = fingerprint(root);
  const { code, output } = await runShown(
    "npx",
    [
      "--yes",
      "--prefer-offline",
      packageManager,
      "install",
      "--frozen-lockfile",
      "--config.confirmModulesPurge=false",
    ],
    root,
  );
  if (code !== 0) throw new PlainError(explain(code, output));
  mkdirSync(dirname(stampOf(root)), { recursive: true });
  writeFileSync(stampOf(root), fingerprintBefore);
}

/** What a failed install means, in words. */
function explain(code, output) {
  if (/ERR_PNPM_OUTDATED_LOCKFILE|ERR_PNPM_LOCKFILE_CONFIG_MISMATCH/.test(output)) {
    return (
      "\npnpm-lock.yaml does not fit the package.json files. After changing a dependency run: " +
      "npx --yes pnpm@12.21.0 install"
    );
  }
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|META_FETCH_FAIL/.test(output)) {
    return "\nThe package registry cannot be reached. The first run needs the network (or a registry mirror: npm config set registry URL); later runs do not.";
  }
  if (/ENOSPC/.test(output)) return "\nThe disk is full: the dependencies need about 1 GB.";
  return `\nThe install failed with exit code ${code}; the lines above are pnpm's.`;
}

function fingerprint(root) {
  return createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .update(`${process.platform}-${process.arch}`)
    .digest("hex");
}

/** Runs a command with its output on our stderr (stdout stays the task's own) and returned as well. */
function runShown(command, args, cwd) {
  // npm's own patience without a network is 70 silent seconds.
  const env = {
    npm_config_fetch_retry_mintimeout: "1000",
    npm_config_fetch_retry_maxtimeout: "4000",
    ...process.env,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        process.stderr.write(chunk);
        output += chunk;
      });
    }
    child.on("error", () => reject(new PlainError("npx is not on PATH: npm 9 or newer is needed.")));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
