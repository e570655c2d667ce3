/**
 * The database is lost and comes back from a backup (PROTOCOL §2.7, 2.10), whole stack: the epoch rises, who was revoked stays
 * revoked, what was used since comes back from the gateways, and none of it is counted twice.
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../local/types.ts";
import { startStack } from "../testing/stack.ts";
import { type Admin, createAdmin, type MadeKey } from "./support/admin.ts";
import { useKey } from "./support/world.ts";

const WAIT = { timeout: 90_000, interval: 500 };

let stack: Stack;
let admin: Admin;

beforeAll(async () => {
  stack = await startStack();
  admin = createAdmin(stack.urls.controlPlane, stack.credentials?.adminToken ?? "");
});
afterAll(() => stack?.stop());

/** As the manual says of a database that may stand still for a moment: stopped, copied with owners and times. */
async function backUp(): Promise<void> {
  await stack.child("postgres").stop();
  execFileSync("cp", ["-a", join(stack.home, "postgres"), join(stack.home, "backup")]);
  await stack.child("postgres").start();
}

async function loseAndRestore(): Promise<void> {
  await stack.child("postgres").stop();
  rmSync(join(stack.home, "postgres"), { recursive: true });
  execFileSync("cp", ["-a", join(stack.home, "backup"), join(stack.home, "postgres")]);
  await stack.child("postgres").start();
}

/** So many times on each gateway. */
async function use(key: MadeKey, times: number): Promise<void> {
  for (const url of Object.values(stack.urls.gateways)) {
    for (let n = 0; n < times; n += 1) expect((await useKey(url, key)).status).toBe(200);
  }
}

async function counted(key: MadeKey): Promise<number> {
  const { json } = await admin.call("GET", `/usage?groupBy=key&filter[key]=${key.id}`);
  const { data = [] } = (json ?? {}) as { data?: { attributes: { requests: number } }[] };
  return data[0]?.attributes.requests ?? 0;
}

async function statusOf(key: MadeKey): Promise<unknown> {
  const { json } = await admin.call("GET", `/api-keys/${key.id}`);
  return ((json ?? {}) as { data?: { attributes: { status: string } } }).data?.attributes.status;
}

const epochs = async (): Promise<string[]> => {
  const { json } = await admin.call("GET", "/gateways");
  const { data = [] } = (json ?? {}) as { data?: { attributes: { revision: string | null } }[] };
  return data.map(({ attributes }) => attributes.revision?.split(".")[0] ?? "none");
};

test("a database that comes back from a backup: the epoch rises, the revoked stay revoked, usage comes back once", async () => {
  const projectId = stack.credentials?.projectId ?? "";
  const [kept, revoked] = [await admin.createKey(projectId), await admin.createKey(projectId)];
  await use(kept, 3);
  await expect.poll(() => counted(kept), WAIT).toBe(6);
  await backUp();
  await expect.poll(() => statusOf(revoked), WAIT).toBe("active");

  // What the backup does not know.
  await use(kept, 4);
  await expect.poll(() => counted(kept), WAIT).toBe(14);
  await expect
    .poll(
      async () => (await admin.change("POST", `/api-keys/${revoked.id}/revoke`, {})).operation.status,
      WAIT,
    )
    .toBe("confirmed");
  const [before] = await epochs();

  await loseAndRestore();
  // Gateways serve meanwhile, and refuse who was revoked, whatever the database has forgotten.
  await use(kept, 1);
  for (const url of Object.values(stack.urls.gateways)) expect((await useKey(url, revoked)).status).toBe(401);
  const next = String(Number(before) + 1);
  await expect.poll(epochs, WAIT).toEqual([next, next]);
  await expect.poll(() => statusOf(revoked), WAIT).toBe("revoked");
  for (const url of Object.values(stack.urls.gateways)) expect((await useKey(url, revoked)).status).toBe(401);
  await expect.poll(() => counted(kept), WAIT).toBe(16);
  // One more of each, counted after everything that came before it: nothing is doubled.
  await use(kept, 1);
  await expect.poll(() => counted(kept), WAIT).toBe(18);
  const { json } = await admin.call("GET", "/status");
  expect(json).toMatchObject({ data: { attributes: { usageGaps: [] } } });
}, 600_000);
