/**
 * I18: no secret can be read anywhere but where it belongs. The one exception is the demo's key in `credentials.json`,
 * which lies beside the secrets of the installation and is in none of these places either.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSearch, formsOf } from "./support/canary.ts";
import { answersOf } from "./support/canary-answers.ts";
import { KINDS, placesOf } from "./support/canary-places.ts";
import { type Secrets, secretsOf } from "./support/canary-secrets.ts";
import { type ListeningProxy, startListening } from "./support/listening-proxy.ts";
import { freePortBase } from "./support/ports.ts";
import { signIn } from "./support/sign-in.ts";
import { startWorld, useKey, type World } from "./support/world.ts";

/** The provider's credential: long and odd enough to be found by nobody's chance, and with all that is escaped somewhere. */
const LLM_SECRET = 'sk-canary-Zx81"qQ7f\\Jw/Pp0+Lk2&VnRt55';
const ROTATED_LLM_SECRET = "sk-canary-b7Wq29dYcE4hGm1XoTs6";
const PROMPT = "canary-prompt-9fJ2kQ0sLpWm";

let world: World;
let wire: ListeningProxy;
/** Ids, which are no secret and stand everywhere. */
let keyId: string;
let secrets: Secrets;
let answers: string[];

beforeAll(async () => {
  const portBase = await freePortBase();
  wire = await startListening(portBase + 11);
  const nats = `nats://127.0.0.1:${wire.port}`;
  world = await startWorld({
    portBase,
    env: { "control-plane": { NATS_URL: nats, CLAVIGER_NATS_PUBLIC_URLS: nats } },
  });
  const { admin, projectId, credentials } = world;
  const llmKeyId = await makeLlmKey();
  const once = { "idempotency-key": "canary-key" };
  const body = { data: { type: "api-key", attributes: { name: "canary" } } };
  const made = await admin.change("POST", `/projects/${projectId}/api-keys`, body, once);
  const replayed = await admin.call("POST", `/projects/${projectId}/api-keys`, body, once);
  keyId = (replayed.json as { data: { id: string } }).data.id;
  const key = made.secret ?? "";
  const rotated = (await admin.change("POST", `/api-keys/${keyId}/rotate`)).secret ?? "";
  const revoked = await admin.createKey(projectId);
  await admin.change("POST", `/api-keys/${revoked.id}/revoke`);
  const enrolment = await admin.call("POST", "/gateways/enrolment-tokens", { name: "ap-1", region: "ap" });
  const enrolmentToken = (enrolment.json as { meta?: { secretKey?: string } }).meta?.secretKey ?? "";
  const session = await signIn({ url: world.stack.urls.controlPlane, credentials });
  for (const { url } of world.gateways) {
    for (const secret of [key, rotated, credentials.demoKey])
      await useKey(url, { secret }, "sandbox/echo", PROMPT);
    expect((await useKey(url, { secret: rotated }, "canary/echo")).status).toBe(200);
  }
  await admin.change("POST", `/llm-api-keys/${llmKeyId}/rotate`, { secretKey: ROTATED_LLM_SECRET });
  for (const { url } of world.gateways) {
    expect((await useKey(url, { secret: rotated }, "canary/echo")).status).toBe(200);
  }
  const apiKeys = [key, rotated, revoked.secret, credentials.demoKey];
  answers = await answersOf(world, { apiKeys, llmSecret: LLM_SECRET, prompt: PROMPT, enrolmentToken });
  answers.push(replayed.text);
  secrets = new Map<string, string | Uint8Array>([
    ...(await secretsOf(world)),
    ["an API key's secret", key],
    ["a rotated API key's secret", rotated],
    ["a revoked API key's secret", revoked.secret],
    ["the demo key", credentials.demoKey],
    ["a personal access token", credentials.adminToken],
    ["a session's token", session.value],
    ["an enrolment token", enrolmentToken],
    ["a provider's credential", LLM_SECRET],
    ["a provider's next credential", ROTATED_LLM_SECRET],
    ["a prompt", PROMPT],
  ]);
});
afterAll(async () => {
  await world?.stack.stop();
  wire?.close();
});

/** Made twice with one Idempotency-Key, so that what is kept of the first answer is among what is searched. */
async function makeLlmKey(): Promise<string> {
  const { admin, projectId, sandboxUrl } = world;
  const attributes = { provider: "sandbox", name: "canary", secretKey: LLM_SECRET, baseUrl: sandboxUrl };
  const body = { data: { type: "llm-api-key", attributes } };
  const once = { "idempotency-key": "canary-llm-key" };
  const path = `/projects/${projectId}/llm-api-keys`;
  const made = await admin.call("POST", path, body, once);
  expect(`${made.status} ${made.text}`).toMatch(/^20[01] /);
  await admin.call("POST", path, body, once);
  return (made.json as { data: { id: string } }).data.id;
}

/** Where which of these can be read. */
async function findings(sought: Secrets): Promise<{ kind: string; name: string; found: string[] }[]> {
  const search = createSearch(sought);
  const places = await placesOf(world, { bus: wire.heard(), answers });
  return places
    .map(({ kind, name, bytes }) => ({ kind, name, found: search(bytes) }))
    .filter(({ found }) => found.length > 0);
}

test("control: the search finds a secret as it is, in JSON, in hex and in base64 at each alignment", () => {
  const search = createSearch(new Map([["it", LLM_SECRET]]));
  const inJson = JSON.stringify({ in: LLM_SECRET });
  for (const prefix of ["", "a", "ab", "abc"]) {
    const text = `${prefix}${LLM_SECRET}${prefix}`;
    for (const coding of ["utf8", "hex", "base64", "base64url"] as const) {
      expect(search(Buffer.from(Buffer.from(text).toString(coding))), coding).toEqual(["it"]);
    }
  }
  for (const text of [inJson, JSON.stringify(inJson), encodeURIComponent(LLM_SECRET)]) {
    expect(search(Buffer.from(text))).toEqual(["it"]);
  }
  expect(search(Buffer.from(inJson.slice(0, -5)))).toEqual([]);
  for (const secret of secrets.values()) expect(formsOf(secret).every((form) => form.length > 15)).toBe(true);
});

test("no secret of anybody can be read in the bus, the database, any file, any log or any answer (I18)", async () => {
  expect(secrets.size).toBeGreaterThan(25);
  expect([...secrets.values()].every((secret) => secret.length >= 16)).toBe(true);
  expect(await findings(secrets)).toEqual([]);
});

test("control: an id that is no secret is found in every kind of place that holds any", async () => {
  const kinds = new Set((await findings(new Map([["the key's id", keyId]]))).map(({ kind }) => kind));
  for (const kind of ["bus", "table", "database file", "opened state", "answer"])
    expect(kinds).toContain(kind);
});

test("control: a secret that is planted in each of these places is found there, in whatever form", async () => {
  const planted = "sk-planted-Qm38xTz6vB1nKe9RuYw4";
  const json = JSON.stringify({ secretKey: planted });
  const base64 = Buffer.from(`x${planted}`).toString("base64");
  const { home, urls } = world.stack;
  const plant = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), content);
  };
  plant("nats/planted", base64);
  plant("gateways/eu-1/planted", Buffer.from(`\0\0${planted}\0`));
  plant("logs/planted.log", JSON.stringify({ level: "info", body: json }));
  answers.push(JSON.stringify({ error: { message: encodeURIComponent(planted) } }));
  await new Promise<void>((resolve, reject) => {
    const socket = connect(wire.port, "127.0.0.1", () => socket.end(`PUB planted\r\n${json}\r\n`));
    socket.on("close", () => resolve()).on("error", reject);
    socket.resume();
  });
  const sql = postgres(urls.postgres, { max: 1 });
  await sql`create table planted (as_bytes bytea)`;
  await sql`insert into planted values (${Buffer.from(planted)})`;
  await sql.end();
  const found = (await findings(new Map([["planted", planted]]))).map(({ kind }) => kind);
  expect(KINDS.filter((kind) => !found.includes(kind))).toEqual(["opened state"]);
});
