import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockSlot } from "./lock.ts";

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "claviger-lock-"));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** A process that tries to take the slot and says how that went; a holder lives until it is killed. */
function rival(): { child: ChildProcess; said: Promise<string> } {
  const lock = new URL("./lock.ts", import.meta.url).href;
  const script = `
    import { lockSlot } from ${JSON.stringify(lock)};
    const say = (text) => new Promise((resolve) => process.stdout.write(text, resolve));
    await lockSlot(${JSON.stringify(folder)}).then(
      () => { setInterval(() => undefined, 60_000); return say("held"); },
      (error) => say(error.message),
    );`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  const said = new Promise<string>((resolve) => child.stdout?.once("data", (text) => resolve(String(text))));
  return { child, said };
}

test("of several processes that find a dead one's lock, exactly one takes the slot", async () => {
  writeFileSync(join(folder, "lock"), JSON.stringify({ pid: 2 ** 22 + 1, started: "1" }));
  const said = await Promise.all(Array.from({ length: 4 }, () => rival().said));
  expect(said.filter((text) => text === "held")).toHaveLength(1);
  for (const text of said) expect(text).toMatch(/^held$|in use by process/);
});

test("a note that is empty, being written at that moment, does not make the slot free", async () => {
  const unlock = await lockSlot(folder);
  writeFileSync(join(folder, "lock"), "");
  await expect(lockSlot(folder)).rejects.toThrow("in use");
  expect(await rival().said).toContain("in use");
  await unlock();
  await (await lockSlot(folder))();
});

test("a slot is free at once when its process was killed", async () => {
  const { child, said } = rival();
  expect(await said).toBe("held");
  await expect(lockSlot(folder)).rejects.toThrow(`in use by process ${child.pid}`);
  child.kill("SIGKILL");
  await once(child, "exit");
  await (await lockSlot(folder))();
});
