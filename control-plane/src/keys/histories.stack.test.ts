import { parseApiKey } from "@claviger/shared/key/secret";
import { KeyRecord } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Heard,
  makeKey,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

const post = (path: string, body?: object): Promise<Heard> =>
  api.call("POST", `/api/v1${path}`, { token: tenant.token, ...(body === undefined ? {} : { body }) });

async function recordOf(id: string): Promise<KeyRecord> {
  const [row] = await api.ports.db.execute<{ record: unknown }>(
    sql`select record from org_record where kind = 'key' and id = ${id}`,
  );
  return KeyRecord.parse(row!.record);
}

const VERBS = ["rotate", "rotate-with-grace", "rotation/end", "deactivate", "activate", "revoke"] as const;
type Verb = (typeof VERBS)[number];

/** The status after a verb; undefined where it is refused. */
function nextStatus(status: string, verb: Verb, inGrace: boolean): string | undefined {
  if (verb === "revoke") return "revoked";
  if (verb === "activate") return "active";
  if (verb === "deactivate") return status === "revoked" ? undefined : "inactive";
  if (verb === "rotation/end") return inGrace ? status : undefined;
  return status === "revoked" ? undefined : status;
}

test("any history of verbs leaves one living secret, at most one grace, and a generation that only rises", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...VERBS), { minLength: 1, maxLength: 8 }), async (history) => {
      const made = await makeKey(api, tenant);
      const { id } = made.resource;
      let before = await recordOf(id);
      for (const verb of history) {
        const inGrace = before.hashes.some(({ notAfterMs }) => notAfterMs !== null && notAfterMs > 0);
        const heard =
          verb === "rotate-with-grace"
            ? await post(`/api-keys/${id}/rotate`, { graceSeconds: 3600 })
            : await post(`/api-keys/${id}/${verb}`);
        const expected = nextStatus(before.status, verb, inGrace);
        const after = await recordOf(id);
        expect(heard.refusal).toBe(expected === undefined ? "409 state_conflict" : "200");
        expect(after.status).toBe(expected ?? before.status);
        expect(after.generation).toBeGreaterThanOrEqual(before.generation);
        if (before.status === "revoked" && after.status === "active") {
          expect(after.generation).toBe(before.generation + 1);
        }
        const living = after.hashes.filter(({ notAfterMs }) => notAfterMs === null);
        expect(living.map(({ generation }) => generation)).toEqual([after.generation]);
        expect(
          after.hashes.filter(({ notAfterMs }) => notAfterMs !== null && notAfterMs > 0).length,
        ).toBeLessThan(2);
        // Whatever was ever a secret of this key stays known, so that its answer is never "unknown".
        expect(after.hashes.map(({ hash }) => hash)).toEqual(
          expect.arrayContaining(before.hashes.map(({ hash }) => hash)),
        );
        before = after;
      }
    }),
    { numRuns: 15 },
  );
});

test("rotations at the same moment are one after another: each has a secret of its own, the last one lives", async () => {
  const { id } = (await makeKey(api, tenant)).resource;
  const answers = await Promise.all(Array.from({ length: 8 }, () => post(`/api-keys/${id}/rotate`)));
  expect(new Set(answers.map(({ secretKey }) => secretKey)).size).toBe(8);
  const generations = answers.map(({ resource }) => Number(resource.attributes.generation));
  expect(generations.sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  for (const { secretKey } of answers)
    expect(parseApiKey(secretKey)).toMatchObject({ kind: "apiKey", keyId: id });
  expect((await recordOf(id)).hashes.filter(({ notAfterMs }) => notAfterMs === null)).toHaveLength(1);
});

test("of two edits that read the same revision one wins and the other sees what won", async () => {
  const made = await makeKey(api, tenant);
  const edit = (name: string) =>
    api.call("PATCH", `/api/v1/api-keys/${made.resource.id}`, {
      token: tenant.token,
      body: resource("api-key", { name }),
      headers: { "if-match": `"${made.meta.revision}"` },
    });
  const answers = await Promise.all([edit("left"), edit("right")]);
  expect(answers.map(({ refusal }) => refusal).sort()).toEqual(["200", "409 edit_conflict"]);
  const winner = answers.find(({ status }) => status === 200);
  const loser = answers.find(({ status }) => status === 409);
  expect(loser?.meta.resource).toEqual(winner?.resource);
});

test("after more rotations than a record holds the newest secrets are still known", async () => {
  const { id } = (await makeKey(api, tenant)).resource;
  for (let i = 0; i < 66; i += 1) await post(`/api-keys/${id}/rotate`);
  const record = await recordOf(id);
  expect(record.hashes.map(({ generation }) => generation)).toEqual(
    Array.from({ length: 64 }, (_, i) => i + 4),
  );
});

test("a key that would not admit its new secret is not rotated: what is to be done first is said", async () => {
  const made = await makeKey(api, tenant);
  const { id } = made.resource;
  await post(`/api-keys/${id}/deactivate`);
  expect((await post(`/api-keys/${id}/rotate`)).status).toBe(200);
  await post(`/api-keys/${id}/revoke`);
  const revoked = await post(`/api-keys/${id}/rotate`);
  expect(revoked.refusal).toBe("409 state_conflict");
  expect(revoked.text).toContain("Activate it first");
  await post(`/api-keys/${id}/activate`);
  await api.ports.db.execute(
    sql`update api_key set expires_at = now() - interval '1 second' where id = ${id}`,
  );
  const expired = await post(`/api-keys/${id}/rotate`);
  expect(expired.refusal).toBe("409 state_conflict");
  expect(expired.text).toContain("new expiry date");
  expect((await recordOf(id)).generation).toBe(3);
});
