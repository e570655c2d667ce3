/**
 * Records what a version of Claviger writes, so that later versions can be held to it:
 *
 *   node infra/recorded/record.ts CHECKOUT infra/recorded/NAME
 *
 * CHECKOUT is a folder with that version's files and its dependencies. Its own `npm start` is run in a home of its own; keys
 * are made, used and ended through its API; then everything is stopped. What is kept: a gateway's folder as it lies on the
 * disk, the signed deltas and the pages of the snapshot as they went over the wire, and what a reader must find in them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import postgres from "postgres";

const [checkout = "", out = ""] = process.argv.slice(2).map((path) => resolve(path));
const portBase = Number(process.env.CLAVIGER_PORT_BASE ?? "28400");
const home = mkdtempSync(join(tmpdir(), "claviger-record-"));

interface Answer {
  readonly data: { readonly id: string };
  readonly meta: { readonly secretKey: string };
}

const child = spawn(process.execPath, [join(checkout, "infra/local/start.ts")], {
  cwd: checkout,
  env: { ...process.env, CLAVIGER_HOME: home, CLAVIGER_PORT_BASE: String(portBase) },
  stdio: ["ignore", "pipe", "inherit"],
});
let said = "";
const ready = Promise.withResolvers<void>();
child.stdout.on("data", (chunk) => {
  said += String(chunk);
  if (said.includes("Claviger is ready")) ready.resolve();
});
child.once("exit", () => ready.reject(new Error(said)));
await ready.promise;

const read = (name: string) => JSON.parse(readFileSync(join(home, name), "utf8")) as Record<string, string>;
const { adminToken = "", projectId = "", demoKey = "", organizationId = "" } = read("credentials.json");
const { gatewayMasterKeys, postgresPassword } = read("secrets.json") as unknown as {
  gatewayMasterKeys: Record<string, string>;
  postgresPassword: string;
};

async function api(method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${portBase}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Answer;
}

async function use(secret: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${portBase + 1}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: '{"model": "sandbox/echo", "max_tokens": 8, "messages": [{"role": "user", "content": "hello"}]}',
  });
  await response.text();
  return response.status;
}

async function makeKey(attributes: object): Promise<{ id: string; secret: string }> {
  const body = { data: { type: "api-key", attributes } };
  const { data, meta } = await api("POST", `/projects/${projectId}/api-keys`, body);
  return { id: data.id, secret: meta.secretKey };
}

const narrow = {
  allowedModels: ["sandbox/echo"],
  ipAllowlist: ["127.0.0.0/8"],
  requestsPerMinute: 600,
  metadata: { team: "red" },
};
const keys = {
  plain: await makeKey({ name: "plain", maxStalenessSeconds: 604_800 }),
  narrow: await makeKey({ name: "narrow", maxStalenessSeconds: 604_800, ...narrow }),
  budgeted: await makeKey({ name: "budgeted", budgetUsd: "5.00", budgetPeriod: "monthly" }),
  revoked: await makeKey({ name: "revoked" }),
  inactive: await makeKey({ name: "inactive" }),
  rotated: await makeKey({ name: "rotated" }),
  deleted: await makeKey({ name: "deleted" }),
};
const statuses = await Promise.all([demoKey, ...Object.values(keys).map(({ secret }) => secret)].map(use));
if (statuses.some((status) => status !== 200)) throw new Error(`not every key works: ${statuses.join(" ")}`);
await api("POST", `/api-keys/${keys.revoked.id}/revoke`, {});
await api("POST", `/api-keys/${keys.inactive.id}/deactivate`, {});
const { meta: again } = await api("POST", `/api-keys/${keys.rotated.id}/rotate`, {});
await api("DELETE", `/api-keys/${keys.deleted.id}`, {});

const sql = postgres(`postgres://postgres:${postgresPassword}@127.0.0.1:${portBase + 10}/claviger`, {
  max: 1,
});
const deltas = await sql`select * from org_change where org_id = ${organizationId} order by epoch, rev`;
const tables = { deltas };
await sql.end();
child.kill("SIGTERM");
await once(child, "exit");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
cpSync(join(home, "gateways", "eu-1", "0"), join(out, "folder"), { recursive: true });
const buffers = (_name: string, value: unknown) =>
  typeof value === "object" && value !== null && "type" in value && value.type === "Buffer" && "data" in value
    ? { base64: Buffer.from(value.data as number[]).toString("base64") }
    : value;
writeFileSync(join(out, "wire.json"), JSON.stringify(tables, buffers, 1));
const expected = {
  recordedAtMs: Date.now(),
  masterKey: gatewayMasterKeys["eu-1"],
  organizationId,
  keys,
  newSecret: again.secretKey,
};
writeFileSync(join(out, "expected.json"), JSON.stringify(expected, undefined, 2));
rmSync(home, { recursive: true, force: true });
console.log(out);
