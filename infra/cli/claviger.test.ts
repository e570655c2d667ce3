import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { lockSlot } from "@claviger/gateway/runtime/node/lock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exitCodes } from "./command.ts";
import { readSignIns, writeSignIns } from "./sign-in-file.ts";
import { runClaviger } from "./testing/terminal.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "claviger-cli-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function run(args: string[], env: Record<string, string> = {}) {
  const now = () => new Date("2026-11-20T12:00:00Z");
  const { lines, exitCode, error } = await runClaviger(args, { env: { HOME: home, ...env }, now });
  return { lines, exitCode, error };
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
  expect(lines.join("\n")).toMatch(/ keys\|key .*\n/);
});

test.each([
  ["nats init", ["nats", "init", "--help"], "--out <dir>"],
  ["gateway reset", ["gateway", "reset", "-h"], "--yes"],
])("%s has a help text of its own", async (_name, args, text) => {
  expect((await run(args)).lines.join("\n")).toContain(text);
});

test.each([
  [["kyes"], "unknown command 'kyes'"],
  [["keys"], "claviger keys takes one of: create, list, show"],
  [["keys", "lost"], "unknown command 'lost'"],
  [["keys", "show"], "missing required argument 'key'"],
  [["keys", "create", "--colour"], "unknown option '--colour'"],
  [
    ["keys", "list", "--url", "ftp://x"],
    "--url or CLAVIGER_CONTROL_PLANE_URL must be an http:// or https:// address",
  ],
  [["completion", "tcsh"], "the shell is bash, zsh or fish"],
  [["nats", "init"], "--out is missing: the folder to write nats.conf to"],
  [["nats", "init", "--out", "x", "--colour"], "unknown option '--colour'"],
  [["nats", "init", "--out", "x"], "DATABASE_URL is missing"],
  [["gateway", "reset"], "--home is missing: the folder in CLAVIGER_GATEWAY_HOME"],
  [["gateway", "reset", "--home", "x", "--slot", "../y"], "--slot must be a slot's name, e.g. 0"],
])("what is asked for wrongly is one line and exit code 2: %j", async (args, error) => {
  expect(await run(args)).toEqual({ lines: [], exitCode: 2, error: expect.stringContaining(error) });
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
  expect(npx("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("doctor") });
  const refused = npx("gateway", "reset", "--home", join(home, "nowhere"));
  expect(refused.status).toBe(1);
  const own = refused.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("npm "));
  expect(own).toEqual([`claviger: ${join(home, "nowhere", "0")} does not exist: there is nothing to reset`]);
}, 60_000);

test("the help names every variable and every exit code", async () => {
  const text = (await run(["--help"])).lines.join("\n");
  for (const name of ["CLAVIGER_TOKEN", "CLAVIGER_API_KEY", "CLAVIGER_GATEWAY_URL"])
    expect(text).toContain(name);
  for (const code of Object.values(exitCodes)) expect(text).toMatch(new RegExp(`^ {2}${code} {2}\\S`, "m"));
});

test.each([
  ["claviger ke", 1, ["keys", "kek"]],
  ["claviger keys ro", 2, ["rotate"]],
  ["claviger --json keys ro", 3, ["rotate"]],
  ["claviger keys rotate --gr", 3, ["--grace"]],
  ["claviger gateway res", 2, ["resume", "reset"]],
])("bash completes %j", async (line, at, expected) => {
  const script = (await run(["completion", "bash"])).lines.join("\n");
  const words = line.split(" ").map((word) => `'${word}'`);
  const asked = `${script}\nCOMP_WORDS=(${words.join(" ")})\nCOMP_CWORD=${at}\n_claviger\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", asked], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n").sort()).toEqual([...expected].sort());
});

test.each(["zsh", "fish"])("%s gets a completion that knows every command", async (shell) => {
  const script = (await run(["completion", shell])).lines.join("\n");
  for (const word of ["doctor", "llm-keys", "rotate", "enrol"]) expect(script).toContain(word);
});

test("the file of who is signed in is its owner's alone, also when it was not before", () => {
  const env = { CLAVIGER_CONFIG_DIR: join(home, "config") };
  const path = writeSignIns(env, { servers: {} });
  chmodSync(path, 0o644);
  writeSignIns(env, { current: "http://a", servers: {} });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readSignIns(env).current).toBe("http://a");
});

test("a token goes to the address that it was made at and to no other", async () => {
  const env = { CLAVIGER_CONFIG_DIR: join(home, "config") };
  const signIn = { token: "clvp_x", tokenId: "pat_x", email: "a@example.com", organization: "A" };
  writeSignIns(env, { current: "http://127.0.0.1:1", servers: { "http://127.0.0.1:1": signIn } });
  expect(await run(["keys", "list", "--url", "http://127.0.0.1:2"], env)).toMatchObject({
    exitCode: 3,
    error: expect.stringContaining("nobody is signed in at http://127.0.0.1:2"),
  });
  expect(await run(["keys", "list"], env)).toMatchObject({ exitCode: 7 });
});
