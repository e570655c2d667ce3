import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processIdentity } from "./process-identity.ts";
import { type ChildDefinition, SupervisedChild, type Supervision } from "./supervise.ts";
import type { Exit } from "./types.ts";
import { waitUntil } from "./wait.ts";

let dir: string;
const started: SupervisedChild[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "claviger-supervise-"));
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.stop()));
  rmSync(dir, { recursive: true });
});

/** A child that runs a shell script; it is ready when its log says so. */
function supervised(script: string, supervision: Partial<Supervision> = {}, readyMsMax = 5000) {
  const lines: string[] = [];
  const logFile = join(dir, "child.log");
  const definition: ChildDefinition = {
    name: "sandbox",
    logFile,
    readyMsMax,
    ready: async () => readFileSync(logFile, "utf8").includes("ready"),
    prepare: async () => ({
      command: "/bin/sh",
      args: ["-c", script],
      cwd: dir,
      env: { PATH: "/usr/bin:/bin" },
      logFile,
      stopSignal: "SIGTERM",
      stopMsMax: 300,
    }),
  };
  const child = new SupervisedChild(definition, {
    restart: true,
    report: (line) => lines.push(line),
    onSpawn: () => undefined,
    onExit: () => undefined,
    onLost: () => undefined,
    ...supervision,
  });
  started.push(child);
  return { child, lines };
}

const SERVE = "echo ready; exec sleep 60";

test("a killed child comes back with another process, and says both", async () => {
  const { child, lines } = supervised(SERVE);
  await child.start();
  const before = child.pid;
  child.kill("SIGKILL");
  expect(await child.nextExit()).toEqual({ code: null, signal: "SIGKILL" });
  expect(
    await waitUntil(async () => lines.some((line) => line.includes("is back")), { timeoutMs: 30_000 }),
  ).toBe(true);
  expect(child.pid).not.toBe(before);
  expect(lines[0]).toBe("sandbox ended (SIGKILL); restarting in 250 ms");
});

test("a child that was stopped stays down until it is started", async () => {
  const { child, lines } = supervised(SERVE);
  await child.start();
  const pid = child.pid ?? 0;
  await child.stop();
  expect(child.pid).toBeNull();
  expect(processIdentity(pid)).toBeNull();
  await child.start();
  expect(child.pid).not.toBeNull();
  expect(lines).toEqual([]);
});

test("a child that ignores its stop signal, or is frozen, is killed when its time is up", async () => {
  const deaf = supervised("trap '' TERM; echo ready; while :; do sleep 0.05; done").child;
  await deaf.start();
  const ended = deaf.nextExit();
  await deaf.stop();
  expect((await ended).signal).toBe("SIGKILL");

  const frozen = supervised(SERVE).child;
  await frozen.start();
  frozen.kill("SIGSTOP");
  await frozen.stop();
  expect(frozen.pid).toBeNull();
});

test("without restarts a death is reported once and the child stays down", async () => {
  const lost = Promise.withResolvers<Exit>();
  const { child } = supervised(SERVE, { restart: false, onLost: (_, exit) => lost.resolve(exit) });
  await child.start();
  child.kill("SIGKILL");
  expect(await lost.promise).toEqual({ code: null, signal: "SIGKILL" });
  expect(child.pid).toBeNull();
});

test("a child that cannot start fails with its exit and its last lines, after a bounded number of tries", async () => {
  writeFileSync(join(dir, "tries"), "");
  const { child } = supervised("echo x >> tries; echo 'DATABASE_URL is missing'; exit 3");
  await expect(child.start()).rejects.toMatchObject({
    message: expect.stringContaining("sandbox ended while it started (exit code 3)"),
    detail: expect.stringContaining("DATABASE_URL is missing"),
  });
  expect(readFileSync(join(dir, "tries"), "utf8")).toBe("x\n".repeat(3));
});

test("a child that never becomes ready fails in bounded time and does not stay behind", async () => {
  const { child } = supervised("echo starting; exec sleep 60", {}, 300);
  await expect(child.start()).rejects.toThrow("was not ready after 0.3 s");
  expect(child.pid).toBeNull();
});

test("stopping a child that is still starting ends it and the start", async () => {
  const { child } = supervised("echo starting; exec sleep 60");
  const start = expect(child.start()).rejects.toThrow("stopped while it started");
  expect(await waitUntil(async () => child.pid !== null, { timeoutMs: 30_000, everyMs: 5 })).toBe(true);
  const pid = child.pid ?? 0;
  await child.stop();
  await start;
  expect(processIdentity(pid)).toBeNull();
});
