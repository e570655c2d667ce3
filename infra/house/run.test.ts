import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pathOf } from "./root.ts";

/** A repository with our entry, a start script, an `npx` that does `npx`'s part, and nothing else. */
let repo: string;
beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), "claviger-house-"));
  for (const file of ["run", "install", "platform"]) {
    cpSync(pathOf(`infra/house/${file}.mjs`), join(repo, `infra/house/${file}.mjs`));
  }
  put("package.json", JSON.stringify({ type: "module", packageManager: "pnpm@12.21.0" }));
  put("pnpm-lock.yaml", "lockfileVersion: '9.0'");
  put("infra/local/start.ts", "const code: number = 7; process.exit(code);");
  put("prepared/.bin/tool", "");
  symlinkSync(dirname(dirname(process.execPath)), join(repo, `prepared/node-linux-${process.arch}`));
  put("npx", '#!/bin/sh\necho "$@" >> "$REPO/calls"\ncp -R "$REPO/prepared/." "$REPO/node_modules/"\n');
});
afterEach(() => rmSync(repo, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(repo, path)), { recursive: true });
  writeFileSync(join(repo, path), text, { mode: 0o755 });
}

function start(...args: string[]): ChildProcess {
  mkdirSync(join(repo, "node_modules"), { recursive: true });
  return spawn(process.execPath, [join(repo, "infra/house/run.mjs"), ...args], {
    env: { REPO: repo, PATH: `${repo}:/usr/bin:/bin` },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** As npm does it: a process that waits for ours. */
function startBelowShell(): { pid: number; stdout: Readable } {
  mkdirSync(join(repo, "node_modules"), { recursive: true });
  const shell = spawn("/bin/sh", ["-c", `"${process.execPath}" infra/house/run.mjs start; exit $?`], {
    cwd: repo,
    env: { REPO: repo, PATH: `${repo}:/usr/bin:/bin`, npm_lifecycle_event: "start" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (shell.pid === undefined) throw new Error("no shell");
  return { pid: shell.pid, stdout: shell.stdout };
}

async function finish(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const [code] = await once(child, "close");
  return { code, output };
}

const installs = () =>
  existsSync(join(repo, "calls")) ? readFileSync(join(repo, "calls"), "utf8").trim().split("\n").length : 0;

describe("the entry of every command", () => {
  test("installs the lockfile once, then never until it changes, and ends with the task's exit code", async () => {
    expect(await finish(start("start"))).toMatchObject({ code: 7 });
    expect(readFileSync(join(repo, "calls"), "utf8")).toContain("pnpm@12.21.0 install --frozen-lockfile");
    await finish(start("start"));
    expect(installs()).toBe(1);
    put("pnpm-lock.yaml", "lockfileVersion: '9.1'");
    await finish(start("start"));
    expect(installs()).toBe(2);
  });

  test("gives the task its arguments, and our binaries first on PATH", async () => {
    put(
      "infra/local/start.ts",
      "console.log(process.argv.slice(2).join(), process.env.PATH?.split(':')[0]);",
    );
    const { output } = await finish(start("start", "--port", "1"));
    expect(output).toContain(`--port,1 ${join(repo, "node_modules/.bin")}`);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("passes %s on and waits for the task to end", async (signal) => {
    put(
      "infra/local/start.ts",
      `process.on("${signal}", () => setTimeout(() => { console.log("tidied up"); process.exit(3); }, 50));
       setInterval(() => {}, 1000); console.log("ready");`,
    );
    const child = start("start");
    const done = finish(child);
    await once(child.stdout ?? child, "data");
    child.kill(signal);
    expect(await done).toMatchObject({ code: 3, output: expect.stringContaining("tidied up") });
  });

  test("ends the task when npm, which started it, was killed", async () => {
    put("ended", "");
    put(
      "infra/local/start.ts",
      `import { writeFileSync } from "node:fs";
       process.on("SIGTERM", () => { writeFileSync("ended", "by SIGTERM"); process.exit(0); });
       setInterval(() => {}, 1000); console.log("ready");`,
    );
    const { stdout, ...npm } = startBelowShell();
    const closed = once(stdout, "close");
    await once(stdout, "data");
    process.kill(npm.pid, "SIGKILL");
    await closed; // The task holds the pipe too: it is closed when the last of them is gone.
    expect(readFileSync(join(repo, "ended"), "utf8")).toBe("by SIGTERM");
  });

  test.each([
    ["npm error code ENOTFOUND", "registry cannot be reached"],
    ["ERR_PNPM_OUTDATED_LOCKFILE", "does not fit the package.json files"],
    ["ENOSPC: no space left", "disk is full"],
  ])("says in words why an install failed: %s", async (said, words) => {
    put("npx", `#!/bin/sh\necho "${said}" >&2\nexit 1\n`);
    const { code, output } = await finish(start("start"));
    expect(code).toBe(1);
    expect(output).toContain(words);
    expect(output).not.toContain("    at ");
  });

  test("an unknown task names the known ones", async () => {
    expect(await finish(start("fly"))).toMatchObject({
      code: 1,
      output: expect.stringContaining("start | test"),
    });
  });
});
