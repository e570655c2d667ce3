import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PortRange, reservePortRange } from "../testing/port-range.ts";
import { processIdentity } from "./process-identity.ts";
import { waitUntil } from "./wait.ts";

let home: string;
let range: PortRange;
const runs: Run[] = [];

interface Run {
  readonly child: ChildProcess;
  /** Everything it has said so far, stdout and stderr. */
  said(): string;
  /** Resolves when its words match; throws with them when it ends first or takes a minute. */
  says(pattern: RegExp): Promise<void>;
  readonly exitCode: Promise<number | null>;
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "claviger-start-"));
  range = await reservePortRange();
});

afterAll(async () => {
  for (const run of runs) run.child.kill("SIGTERM");
  await Promise.all(runs.map((run) => run.exitCode));
  range.release();
  rmSync(home, { recursive: true });
});

function start(flags: readonly string[] = [], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [join(import.meta.dirname, "start.ts"), ...flags], {
    env: { ...process.env, CLAVIGER_HOME: home, CLAVIGER_PORT_BASE: String(range.base), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (words += String(data)));
  const exitCode = once(child, "exit").then(([code]) => code as number | null);
  const run: Run = {
    child,
    said: () => words,
    exitCode,
    async says(pattern) {
      const abandoned = () => !pattern.test(words) && child.exitCode !== null;
      if (await waitUntil(async () => pattern.test(words), { timeoutMs: 60_000, everyMs: 10, abandoned }))
        return;
      throw new Error(`npm start did not say ${pattern}:\n${words}`);
    },
  };
  runs.push(run);
  return run;
}

/** Process ids of the children, as noted in the home. */
function childPids(): Map<string, number> {
  const files = readdirSync(join(home, "run"));
  const pidOf = (file: string): number => JSON.parse(readFileSync(join(home, "run", file), "utf8")).pid;
  return new Map(files.map((file) => [file.replace(".json", ""), pidOf(file)]));
}

/** Ends one child without warning. */
function killChild(name: string): void {
  const pid = childPids().get(name);
  // Without a number the signal would go to our own process group.
  if (pid === undefined) throw new Error(`${name} does not run`);
  process.kill(pid, "SIGKILL");
}

/** The start that is up now. */
function present(): Run {
  const run = runs.findLast((candidate) => candidate.child.exitCode === null && READY.test(candidate.said()));
  if (run === undefined) throw new Error("nothing runs");
  return run;
}

function allGone(pids: Iterable<number>): Promise<boolean> {
  return waitUntil(async () => [...pids].every((pid) => processIdentity(pid) === null), {
    timeoutMs: 15_000,
  });
}

function credentials(): Record<string, string> {
  return JSON.parse(readFileSync(join(home, "credentials.json"), "utf8"));
}

/** Runs the printed command as a newcomer would paste it; `port` sends it to another gateway. */
function statusOfPrintedCurl(run: Run, port = range.base + 1): string {
  const command = /^curl [\s\S]*?'\{.*\}'$/m.exec(run.said())?.[0] ?? "";
  const aimed = command.replace(`:${range.base + 1}/`, `:${port}/`);
  return execFileSync("/bin/sh", ["-c", `${aimed} -s -o /dev/null -w '%{http_code}'`], { encoding: "utf8" });
}

async function listOf(path: string): Promise<unknown[]> {
  const answer = await fetch(`http://127.0.0.1:${range.base}/api/v1${path}`, {
    headers: { authorization: `Bearer ${credentials().adminToken}` },
  });
  return ((await answer.json()) as { data: unknown[] }).data;
}

const READY = /Claviger is ready/;

// The tests follow one home through its life, in this order.

test("a first start that is killed again and again leaves no child behind, and the next one completes it", async () => {
  for (const moment of [/making the organization/, /enrolling gateway us-1/, /gateway-\S+ is ready/]) {
    const run = start();
    await run.says(moment);
    const pids = childPids();
    run.child.kill("SIGKILL");
    await run.exitCode;
    expect(await allGone(pids.values())).toBe(true);
  }
  await start().says(READY);
  expect(await listOf("/projects")).toHaveLength(1);
  expect(await listOf("/api-keys")).toHaveLength(1);
  // One replica each: an enrolment that was cut short has not left a second one that never confirms anything.
  const gateways = (await listOf("/gateways")) as { attributes: { name: string; replicas: unknown[] } }[];
  const replicas = gateways.map(({ attributes }) => [attributes.name, attributes.replicas.length]);
  expect(replicas.sort()).toEqual([
    ["eu-1", 1],
    ["us-1", 1],
  ]);
}, 120_000);

test("it ends by printing a curl that works on both gateways, and writes the credentials for their owner alone", async () => {
  const run = present();
  expect(statusOfPrintedCurl(run)).toBe("200");
  expect(statusOfPrintedCurl(run, range.base + 2)).toBe("200");
  expect(Object.keys(credentials()).sort()).toEqual([
    ...[
      "adminEmail",
      "adminPassword",
      "adminToken",
      "demoKey",
      "operatorToken",
      "organizationId",
      "projectId",
    ],
  ]);
  for (const file of ["credentials.json", "secrets.json", "seed.json"])
    expect(statSync(join(home, file)).mode & 0o777).toBe(0o600);
  expect(run.said()).toContain(credentials().adminPassword);
  expect(run.said()).not.toContain("\u001b[");
});

test("a second start on the same home, and one on taken ports, say so in one line and disturb nothing", async () => {
  const second = start();
  expect(await second.exitCode).toBe(1);
  expect(second.said()).toMatch(/\nClaviger already runs on \S+ \(pid \d+\)\..*\n$/);
  const otherHome = mkdtempSync(join(tmpdir(), "claviger-start-"));
  const other = start([], { CLAVIGER_HOME: otherHome });
  expect(await other.exitCode).toBe(1);
  expect(other.said()).toMatch(
    new RegExp(`\\nPort ${range.base} is taken, and the control plane needs it\\..*CLAVIGER_PORT_BASE.*\\n$`),
  );
  rmSync(otherHome, { recursive: true });
  expect(await listOf("/projects")).toHaveLength(1);
});

test("a child that dies comes back and takes no other with it", async () => {
  const run = present();
  const before = childPids();
  killChild("gateway-eu-1");
  await run.says(/gateway-eu-1 is back/);
  const after = childPids();
  expect(after.get("gateway-eu-1")).not.toBe(before.get("gateway-eu-1"));
  before.delete("gateway-eu-1");
  after.delete("gateway-eu-1");
  expect(after).toEqual(before);
  expect(statusOfPrintedCurl(run)).toBe("200");
});

test("SIGTERM stops every child with exit code 0, and a second start continues with the same data", async () => {
  const run = present();
  const pids = childPids();
  const held = credentials();
  run.child.kill("SIGTERM");
  expect(await run.exitCode).toBe(0);
  expect(await allGone(pids.values())).toBe(true);
  const next = start(["--no-restart"]);
  await next.says(READY);
  expect(credentials()).toEqual(held);
  expect(statusOfPrintedCurl(next)).toBe("200");
  expect(await listOf("/api-keys")).toHaveLength(1);
});

test("with --no-restart the death of one child ends all, with a failure", async () => {
  const run = present();
  const pids = childPids();
  killChild("sandbox");
  expect(await run.exitCode).toBe(1);
  expect(run.said()).toContain("sandbox ended (SIGKILL); stopping (--no-restart)");
  expect(await allGone(pids.values())).toBe(true);
});

test("a seeded home that is started on other ports is refused with the ports it has", async () => {
  const run = start([], { CLAVIGER_PORT_BASE: String(range.base + 100) });
  expect(await run.exitCode).toBe(1);
  expect(run.said()).toContain(`was set up with CLAVIGER_PORT_BASE=${range.base}, and its gateways keep`);
});

test("a port that somebody else holds is named with what wanted it, before anything starts", async () => {
  const squatter = createServer().listen(range.base + 10, "127.0.0.1");
  await once(squatter, "listening");
  const run = start();
  expect(await run.exitCode).toBe(1);
  expect(run.said()).toMatch(new RegExp(`\\nPort ${range.base + 10} is taken, and PostgreSQL needs it\\.`));
  squatter.close();
});
