import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAdmin, type MadeKey } from "./support/admin.ts";
import { freePortBase } from "./support/ports.ts";
import { familyOf, runStart, type Started, survivorsOf } from "./support/start-command.ts";
import { useKey } from "./support/world.ts";

let home: string;
let base: number;
let running: Started | null = null;
let kept: MadeKey;
let revoked: MadeKey;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "claviger-start-"));
  base = await freePortBase();
});
afterAll(async () => {
  running?.process.kill("SIGTERM");
  await running?.exit;
  rmSync(home, { recursive: true, force: true });
});

const urls = () => [1, 2].map((offset) => `http://127.0.0.1:${base + offset}`);
const credentials = () =>
  JSON.parse(readFileSync(join(home, "credentials.json"), "utf8")) as Record<string, string>;

async function start(): Promise<Started> {
  running = runStart(home, base);
  const seconds = await running.ready;
  console.log(`npm start: ready in ${seconds} s`);
  return running;
}

/** What the printed `curl` sends, sent to a gateway. */
async function curl(said: string, url: string): Promise<number> {
  const [, path] = /curl http:\/\/127\.0\.0\.1:\d+(\S+)/.exec(said) ?? [];
  const headers = Array.from(said.matchAll(/-H '([^:]+): ([^']+)'/g), ([, name, value]) => [
    name ?? "",
    value ?? "",
  ]);
  const [, body] = /-d '([^']+)'/.exec(said) ?? [];
  const answer = await fetch(`${url}${path}`, {
    method: "POST",
    headers: Object.fromEntries(headers),
    ...(body === undefined ? {} : { body }),
  });
  await answer.text();
  return answer.status;
}

test("npm start prints a curl that both gateways answer with 200, and writes the credentials for the owner alone", async () => {
  const started = await start();
  for (const url of urls()) expect(await curl(started.said(), url)).toBe(200);
  expect(statSync(join(home, "credentials.json")).mode & 0o777).toBe(0o600);
  const names = [
    "adminEmail",
    "adminPassword",
    "adminToken",
    "operatorToken",
    "organizationId",
    "projectId",
    "demoKey",
  ];
  expect(Object.keys(credentials()).sort()).toEqual(names.sort());
  expect(started.said()).toContain(credentials().adminEmail);
  expect(started.said()).toContain(credentials().adminPassword);
  expect(started.said()).toContain(credentials().demoKey);
});

test("a second start on a running home ends with an error and harms nothing", async () => {
  const second = runStart(home, await freePortBase());
  expect(await second.exit).toBe(1);
  expect(second.said()).toContain(home);
  for (const url of urls()) expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test("a taken port ends the start with an error that names the port and the setting, and leaves nothing behind", async () => {
  const other = mkdtempSync(join(tmpdir(), "claviger-start-"));
  const free = await freePortBase();
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(free + 2, "127.0.0.1", resolve));
  try {
    const blocked = runStart(other, free);
    expect(await blocked.exit).toBe(1);
    expect(blocked.said()).toContain(String(free + 2));
    expect(blocked.said()).toContain("CLAVIGER_PORT_BASE");
  } finally {
    await new Promise((resolve) => squatter.close(resolve));
    rmSync(other, { recursive: true, force: true });
  }
});

test("SIGTERM ends every process, and the next start goes on with the same data", async () => {
  const { adminToken, projectId } = credentials();
  const admin = createAdmin(`http://127.0.0.1:${base}`, adminToken ?? "");
  kept = await admin.createKey(projectId ?? "");
  revoked = await admin.createKey(projectId ?? "");
  await admin.change("POST", `/api-keys/${revoked.id}/revoke`);
  const family = familyOf(running?.pid ?? 0);
  expect(family.length).toBeGreaterThanOrEqual(7);
  running?.process.kill("SIGTERM");
  expect(await running?.exit).toBe(0);
  expect(survivorsOf(family)).toEqual([]);
  const before = credentials();
  await start();
  expect(credentials()).toEqual(before);
  for (const url of urls()) {
    expect((await useKey(url, { secret: before.demoKey ?? "" })).status).toBe(200);
    expect((await useKey(url, kept)).status).toBe(200);
    expect((await useKey(url, revoked)).status).toBe(401);
  }
  const read = await admin.call("GET", `/api-keys/${kept.id}`);
  expect(read.json).toMatchObject({ data: { id: kept.id, attributes: { status: "active" } } });
});
