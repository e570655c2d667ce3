import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startProcess } from "./process.ts";
import { processIdentity } from "./process-identity.ts";
import { waitUntil } from "./wait.ts";

const STARTER = `
import { startProcess } from ${JSON.stringify(join(import.meta.dirname, "process.ts"))};
const started = await startProcess({
  command: "/bin/sleep", args: ["60"], cwd: "/", env: {}, logFile: process.argv[2] + "/log",
  stopSignal: "SIGTERM", stopMsMax: 1000,
});
process.stdout.write(String(started.pid));
setInterval(() => undefined, 1000);
`;

test("a process does not outlive a starter that is killed without warning", async () => {
  const dir = mkdtempSync(join(tmpdir(), "claviger-process-"));
  writeFileSync(join(dir, "starter.mts"), STARTER);
  const starter = spawn(process.execPath, [join(dir, "starter.mts"), dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(starter.stdout, "data")) as [Buffer];
  const pid = Number(said.toString());
  expect(processIdentity(pid)).not.toBeNull();
  starter.kill("SIGKILL");
  expect(await waitUntil(async () => processIdentity(pid) === null, { timeoutMs: 30_000 })).toBe(true);
  rmSync(dir, { recursive: true });
});

test("a program that cannot be run is a clear failure", async () => {
  const dir = mkdtempSync(join(tmpdir(), "claviger-process-"));
  const spec = {
    args: [],
    cwd: "/",
    env: {},
    logFile: join(dir, "log"),
    stopSignal: "SIGTERM",
    stopMsMax: 1,
  } as const;
  await expect(startProcess({ ...spec, command: "/nowhere/program" })).rejects.toThrow(
    "cannot run /nowhere/program",
  );
  rmSync(dir, { recursive: true });
});
