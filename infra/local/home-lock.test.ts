import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endLeftovers, lockHome, noteChild } from "./home-lock.ts";
import { processIdentity } from "./process-identity.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "claviger-home-"));
});

afterEach(() => rmSync(home, { recursive: true }));

test("a home is held by one process: the second is told by whom, and gets it after the first lets go", () => {
  const unlock = lockHome(home);
  expect(() => lockHome(home)).toThrow(`already runs on ${home} (pid ${process.pid})`);
  unlock();
  lockHome(home)();
});

test("a lock whose process is gone, whose number belongs to another, or that was half written holds nobody up", () => {
  const lock = join(home, "supervisor.lock");
  for (const stale of [
    JSON.stringify({ pid: 2 ** 22 + 1, identity: "gone" }),
    JSON.stringify({ pid: process.ppid, identity: "of a process that had this number before" }),
    '{"pid": 1',
  ]) {
    writeFileSync(lock, stale);
    lockHome(home)();
  }
});

test("a home whose note is cut short at that moment still has one holder", () => {
  const unlock = lockHome(home);
  writeFileSync(join(home, "supervisor.lock"), "");
  expect(() => lockHome(home)).toThrow("already runs");
  unlock();
});

test("a noted child of a killed start is ended, a process that merely has its number is not", async () => {
  const ours = spawn("/bin/sleep", ["60"], { detached: true, stdio: "ignore" });
  const foreign = spawn("/bin/sleep", ["60"], { detached: true, stdio: "ignore" });
  const ended = new Promise((resolve) => ours.once("exit", (_, signal) => resolve(signal)));
  noteChild(home, "sandbox", ours.pid ?? 0, "SIGTERM");
  writeFileSync(
    join(home, "run", "nats.json"),
    JSON.stringify({ pid: foreign.pid, identity: "an older process", stopSignal: "SIGTERM" }),
  );
  const lines: string[] = [];
  await endLeftovers(home, (line) => lines.push(line));
  expect(await ended).toBe("SIGTERM");
  expect(processIdentity(foreign.pid ?? 0)).not.toBeNull();
  expect(lines).toEqual([`ending sandbox (pid ${ours.pid}), left over from a start that was killed`]);
  foreign.kill("SIGKILL");
});
