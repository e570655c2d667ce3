import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { lockSlot } from "@claviger/gateway/runtime/node/lock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claviger } from "./claviger.ts";
import { CommandError } from "./command.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "claviger-cli-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function run(args: string[], env: Record<string, string> = {}) {
  const lines: string[] = [];
  const now = () => new Date("2026-11-20T12:00:00Z");
  try {
    await claviger(args, { env, now, out: (line) => void lines.push(line) });
    return { lines, exitCode: 0, error: undefined };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { lines, exitCode: error.exitCode, error: error.message };
  }
}

/** A slot's folder as a gateway leaves it. */
function makeSlot(slot = "0"): string {
  const folder = join(home, slot);
  mkdirSync(join(folder, "open"), { recursive: true });
  for (const name of ["identity.sealed", "state-1.sealed", "log.sqlite", "log.sqlite-wal", "open/1"]) {
    writeFileSync(join(folder, name), name);
  }
  return folder;
}

test.each([[["--help"]], [["help"]], [[]], [["-h"]]])("claviger %j lists the commands", async (args) => {
  const { lines, exitCode } = await run(args);
  expect(exitCode).toBe(0);
  expect(lines.join("\n")).toMatch(/nats init .*\n.*gateway reset /);
});

test.each([
  ["nats init", ["nats", "init", "--help"], "--out DIR"],
  ["gateway reset", ["gateway", "reset", "-h"], "--yes"],
])("%s has a help text of its own", async (_name, args, text) => {
  expect((await run(args)).lines.join("\n")).toContain(text);
});

test.each([
  [["keys", "list"], '"keys list" is no command; see claviger --help'],
  [["nats", "init"], "--out is missing: the folder to write nats.conf to"],
  [["nats", "init", "--out", "x", "--colour"], "Unknown option '--colour'"],
  [["nats", "init", "--out", "x"], "DATABASE_URL is missing"],
  [["gateway", "reset"], "--home is missing: the folder in CLAVIGER_GATEWAY_HOME"],
  [["gateway", "reset", "--home", "x", "--slot", "../y"], "--slot must be a slot's name, e.g. 0"],
])("what is asked for wrongly is one line and exit code 2: %j", async (args, error) => {
  expect(await run(args)).toEqual({ lines: [], exitCode: 2, error });
});

test("a reset says what it would do and does it only with --yes: the replica is nobody, its log is kept", async () => {
  const folder = makeSlot();
  const before = readdirSync(folder);
  const asked = await run(["gateway", "reset"], { CLAVIGER_GATEWAY_HOME: home });
  expect(asked).toEqual({
    lines: [
      `would be erased in ${folder}: identity.sealed, open, state-1.sealed`,
      "would be set aside: log.sqlite, log.sqlite-wal",
    ],
    exitCode: 2,
    error: "nothing was changed; add --yes to do it",
  });
  expect(readdirSync(folder)).toEqual(before);
  const done = await run(["gateway", "reset", "--home", home, "--yes"]);
  expect(done.exitCode).toBe(0);
  const aside = "before-reset-2026-11-20T12-00-00.000Z";
  expect(readdirSync(folder).sort()).toEqual([aside, "lock.sqlite"]);
  expect(readdirSync(join(folder, aside)).sort()).toEqual(["log.sqlite", "log.sqlite-wal"]);
  expect(await run(["gateway", "reset", "--home", home, "--yes"])).toMatchObject({ exitCode: 1 });
});

test("a reset of a slot that a process has is refused and changes nothing", async () => {
  const folder = makeSlot("1");
  const unlock = await lockSlot(folder);
  await expect(run(["gateway", "reset", "--home", home, "--slot", "1", "--yes"])).rejects.toThrow(
    /is in use by process \d+; a slot belongs to one process/,
  );
  expect(existsSync(join(folder, "identity.sealed"))).toBe(true);
  await unlock();
});

test("npx finds it in the workspace, errors are one line, and exit codes are those of the command", () => {
  const root = resolve(import.meta.dirname, "../..");
  const npx = (...args: string[]) =>
    spawnSync("npx", ["--no-install", "claviger", ...args], { cwd: root, encoding: "utf8" });
  expect(npx("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("nats init") });
  const refused = npx("gateway", "reset", "--home", join(home, "nowhere"));
  expect(refused.status).toBe(1);
  const own = refused.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("npm "));
  expect(own).toEqual([`claviger: ${join(home, "nowhere", "0")} does not exist: there is nothing to reset`]);
}, 60_000);
