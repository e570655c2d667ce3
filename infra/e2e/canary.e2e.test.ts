import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MadeKey } from "./support/admin.ts";
import { filesBelow, formsOf, holds } from "./support/canary.ts";
import { type ListeningProxy, startListening } from "./support/listening-proxy.ts";
import { freePortBase } from "./support/ports.ts";
import { startWorld, useKey, type World } from "./support/world.ts";

/** The provider's credential; long and odd enough to be found by nobody's chance. */
const LLM_SECRET = "sk-canary-Zx81qQ7fJwPp0Lk2VnRt55";
const PROMPT = "canary-prompt-9fJ2kQ0sLpWm";

let world: World;
let wire: ListeningProxy;
let key: MadeKey;
let secrets: Map<string, string>;

beforeAll(async () => {
  const portBase = await freePortBase();
  wire = await startListening(portBase + 11);
  const nats = `nats://127.0.0.1:${wire.port}`;
  world = await startWorld({
    portBase,
    env: { "control-plane": { NATS_URL: nats, CLAVIGER_NATS_PUBLIC_URLS: nats } },
  });
  const { admin, projectId, credentials } = world;
  const attributes = {
    provider: "sandbox",
    name: "canary",
    secretKey: LLM_SECRET,
    baseUrl: world.sandboxUrl,
  };
  const body = { data: { type: "llm-api-key", attributes } };
  const llm = await admin.call("POST", `/projects/${projectId}/llm-api-keys`, body);
  expect(`${llm.status} ${llm.text}`).toMatch(/^20[01] /);
  key = await admin.createKey(projectId);
  const rotated = await admin.change("POST", `/api-keys/${key.id}/rotate`);
  const enrolment = await admin.call("POST", "/gateways/enrolment-tokens", { name: "ap-1", region: "ap" });
  const enrolmentToken = (enrolment.json as { meta?: { secretKey?: string } } | undefined)?.meta?.secretKey;
  expect(enrolmentToken).toMatch(/^clvt_/);
  for (const { url } of world.gateways) {
    for (const secret of [key.secret, rotated.secret ?? "", credentials.demoKey]) {
      await useKey(url, { secret }, "sandbox/echo", PROMPT);
    }
    expect((await useKey(url, { secret: rotated.secret ?? "" }, "canary/echo")).status).toBe(200);
  }
  secrets = new Map([
    ["an API key's secret", key.secret],
    ["a rotated API key's secret", rotated.secret ?? ""],
    ["the demo key", credentials.demoKey],
    ["a personal access token", credentials.adminToken],
    ["a password", credentials.adminPassword],
    ["an enrolment token", enrolmentToken ?? ""],
    ["a provider's credential", LLM_SECRET],
    ["a prompt", PROMPT],
  ]);
});
afterAll(async () => {
  await world?.stack.stop();
  wire?.close();
});

/** The names of the secrets that can be read in the bytes. */
function leaked(bytes: Buffer): string[] {
  return [...secrets].filter(([, secret]) => holds(bytes, secret)).map(([name]) => name);
}

test("control: the search finds a text as it is, in hex and in base64 at each alignment", () => {
  for (const prefix of ["", "a", "ab", "abc"]) {
    const text = `${prefix}${LLM_SECRET}${prefix}`;
    for (const coding of ["utf8", "hex", "base64", "base64url"] as const) {
      expect(holds(Buffer.from(Buffer.from(text).toString(coding)), LLM_SECRET)).toBe(true);
    }
  }
  expect(formsOf(LLM_SECRET).every((form) => form.length > 20)).toBe(true);
});

test("the bus carries keys' ids and no secret", () => {
  const heard = wire.heard();
  expect(holds(heard, key.id)).toBe(true);
  expect(leaked(heard)).toEqual([]);
});

test("the database's tables and files hold keys' ids and no secret", async () => {
  const sql = postgres(world.stack.urls.postgres, { max: 1 });
  try {
    await sql`checkpoint`;
    const tables = await sql<{ name: string }[]>`
      select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`;
    const rows: string[] = [];
    for (const { name } of tables) {
      rows.push(
        ...(await sql.unsafe<{ row: string }[]>(`select t::text as row from ${name} t`)).map(
          ({ row }) => row,
        ),
      );
    }
    const bytes = Buffer.from(rows.join("\n"));
    expect(holds(bytes, key.id)).toBe(true);
    expect(leaked(bytes)).toEqual([]);
  } finally {
    await sql.end();
  }
  let seen = false;
  for (const { path, bytes } of filesBelow(join(world.stack.home, "postgres"))) {
    seen ||= holds(bytes, key.id);
    expect({ path, leaked: leaked(bytes) }).toEqual({ path, leaked: [] });
  }
  expect(seen).toBe(true);
});

test("the gateways' files, NATS's files and every log hold no secret", () => {
  let files = 0;
  for (const folder of ["gateways", "nats", "logs"]) {
    for (const { path, bytes } of filesBelow(join(world.stack.home, folder))) {
      files += 1;
      expect({ path, leaked: leaked(bytes) }).toEqual({ path, leaked: [] });
    }
  }
  expect(files).toBeGreaterThan(6);
});
