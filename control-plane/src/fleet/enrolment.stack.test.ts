import { ApiProblem } from "@claviger/shared/api/problem";
import { sql } from "drizzle-orm";
import { compactDecrypt, decodeProtectedHeader, importJWK } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDataKey, sealCredential } from "./data-key.ts";
import { enrol, issueEnrolmentToken } from "./enrolment.ts";
import { journaled } from "./journal.ts";
import { rotateDataKeys } from "./rotate-data-key.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { connectFakeReplica, enrolmentKeys, startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization, SYSTEM } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterAll(async () => {
  await cluster?.stop();
});

async function tokenFor(replicas: number) {
  const { orgId } = await createTestOrganization(cp.ports);
  const request = { orgId, name: "eu-1", region: "eu", replicas };
  return { orgId, ...(await cp.ports.db.transaction((tx) => issueEnrolmentToken(tx, cp.ports, request))) };
}

function enrolWith(token: string, keys = enrolmentKeys()) {
  const { publicKey: nkey, sealKey } = keys;
  return enrol(cp.ports, { v: 1, token, slot: "0", nkey, sealKey, runtime: "node" });
}

const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => "enrolled",
    (error: unknown) => (error instanceof ApiProblem ? error.code : String(error)),
  );

test("a token enrols as many replicas as it says, also when all come at once; one more is refused and alarmed", async () => {
  const { secret, orgId } = await tokenFor(3);
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => codeOf(enrolWith(secret))));
  expect(outcomes.sort()).toEqual(["enrolled", "enrolled", "enrolled", "enrolment_used", "enrolment_used"]);
  const alarms = cp.log.lines.filter(({ level, fields }) => level === "error" && "alarm" in fields);
  expect(alarms).toHaveLength(2);
  expect(JSON.stringify(alarms)).not.toContain(secret);
  const [row] = await cp.ports.db.execute(
    sql`select count(*)::int as n from replica where org_id = ${orgId}`,
  );
  expect(row).toEqual({ n: 3 });
});

test("an expired token and one that never was are refused alike, and enrol nobody", async () => {
  const { secret, id, orgId } = await tokenFor(1);
  await cp.ports.db.execute(
    sql`update enrolment_token set expires_at = now() - interval '1 second' where id = ${id}`,
  );
  expect(await codeOf(enrolWith(secret))).toBe("enrolment_expired");
  expect(await codeOf(enrolWith(`clvt_${"x".repeat(43)}`))).toBe("enrolment_expired");
  const [row] = await cp.ports.db.execute(
    sql`select count(*)::int as n from replica where org_id = ${orgId}`,
  );
  expect(row).toEqual({ n: 0 });
});

test("a replica whose answer was lost asks again and is the same one, without another use", async () => {
  const { secret } = await tokenFor(1);
  const keys = enrolmentKeys();
  const first = await enrolWith(secret, keys);
  const second = await enrolWith(secret, keys);
  expect(second.replicaId).toBe(first.replicaId);
  // Its nkey with a sealing key of somebody else's is not the same replica.
  expect(await codeOf(enrolWith(secret, { ...keys, sealKey: enrolmentKeys().sealKey }))).toBe(
    "enrolment_used",
  );
});

test("an nkey with a wrong checksum is refused", async () => {
  const { secret } = await tokenFor(1);
  const keys = enrolmentKeys();
  const wrong = keys.publicKey.slice(0, -1) + (keys.publicKey.endsWith("A") ? "B" : "A");
  expect(await codeOf(enrolWith(secret, { ...keys, publicKey: wrong }))).toBe("invalid_value");
});

test("the token's secret stands in no table", async () => {
  const { secret } = await tokenFor(1);
  const [row] = await cp.ports.db.execute<{ hit: boolean }>(
    sql`select bool_or(t::text like ${`%${secret.slice(5)}%`}) as hit from enrolment_token t`,
  );
  expect(row?.hit).toBe(false);
});

test("the sealed data key opens with the replica's key only, names it, and opens a credential bound to its host", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const credential = {
    orgId,
    id: "llm_000000000000",
    version: 1,
    provider: "openai",
    host: "api.openai.com",
  };
  const sealed = await cp.ports.db.transaction((tx) =>
    sealCredential(tx, cp.ports, { ...credential, secret: "sk-canary" }),
  );
  const [mine, other] = [
    await startFakeReplica(cp.ports, orgId, "eu-1"),
    await startFakeReplica(cp.ports, orgId, "us-1"),
  ];
  const [jwe = ""] = mine.answer.dataKeys;
  expect(decodeProtectedHeader(jwe)).toMatchObject({
    alg: "ECDH-ES+A256KW",
    enc: "A256GCM",
    org: orgId,
    gateway: mine.answer.gatewayId,
    replica: mine.id,
    dek_id: sealed.dataKeyId,
  });
  const open = async (jwk: object) =>
    (await compactDecrypt(jwe, await importJWK(jwk, "ECDH-ES+A256KW"))).plaintext;
  await expect(open(other.sealPrivateKey)).rejects.toThrow();
  const dek = await open(mine.sealPrivateKey);
  const key = await crypto.subtle.importKey("raw", new Uint8Array(dek), "AES-GCM", false, ["decrypt"]);
  const decrypt = (host: string) =>
    crypto.subtle.decrypt(
      {
        name: "AES-GCM",
        iv: Buffer.from(sealed.iv, "base64url"),
        additionalData: new TextEncoder().encode(`${orgId}|${sealed.id}|1|openai|${host}`),
      },
      key,
      Buffer.from(sealed.ciphertext, "base64url"),
    );
  expect(new TextDecoder().decode(await decrypt("api.openai.com"))).toBe("sk-canary");
  await expect(decrypt("evil.example")).rejects.toThrow();
  await Promise.all([mine.close(), other.close()]);
});

test("a rotated data key reaches a gateway before the credentials move to it, and the old one retires", async () => {
  const { ports } = cp;
  const { orgId } = await createTestOrganization(ports);
  const replica = await startFakeReplica(ports, orgId, "eu-1");
  await replica.beat();
  await replica.catchUp();
  const put = async (id: string) => {
    await journaled(ports, orgId, async (tx) => {
      const credential = {
        orgId,
        id,
        version: 1,
        provider: "openai",
        host: "api.openai.com",
        secret: "sk-canary",
      };
      const record = await sealCredential(tx, ports, credential);
      const changes = [{ op: "put", kind: "secret", id, record }] as const;
      return {
        value: record,
        entry: { actor: SYSTEM, action: "llm-api-key.create", effect: "neutral", changes, keys: [] },
      };
    });
  };
  const underWhich = async () => {
    const rows = await ports.db.execute<{ key: string }>(sql`
      select record->>'dataKeyId' as key from org_record where org_id = ${orgId} and kind = 'secret' order by id`);
    return rows.map(({ key }) => key);
  };
  await put("llm_000000000001");
  const [first] = await underWhich();
  const second = await ports.db.transaction((tx) => createDataKey(tx, ports, orgId));
  await put("llm_000000000002");
  // Not before it has had time to spread.
  await rotateDataKeys(ports);
  expect(await underWhich()).toEqual([first, first]);
  const { dataKeys = [] } = await replica.beat();
  expect(dataKeys.map((jwe) => decodeProtectedHeader(jwe).dek_id)).toEqual([first, second]);
  await rotateDataKeys(ports, 0);
  expect(await underWhich()).toEqual([second, second]);
  await put("llm_000000000003");
  expect((await underWhich())[2]).toBe(second);
  await replica.catchUp();
  const { dataKeys: after = [] } = await replica.beat();
  expect(after.map((jwe) => decodeProtectedHeader(jwe).dek_id)).toEqual([second]);
  const moved = replica.held.deltas.find((delta) => delta.action === "data-key.rotate");
  const [change] = moved?.changes ?? [];
  if (change?.op !== "put" || change.kind !== "secret") throw new Error("no credential moved");
  const jwk = await importJWK(replica.sealPrivateKey as object, "ECDH-ES+A256KW");
  const { plaintext } = await compactDecrypt(after[0] ?? "", jwk);
  const key = await crypto.subtle.importKey("raw", new Uint8Array(plaintext), "AES-GCM", false, ["decrypt"]);
  const iv = Buffer.from(change.record.iv, "base64url");
  const additionalData = new TextEncoder().encode(`${orgId}|${change.id}|1|openai|api.openai.com`);
  const ciphertext = Buffer.from(change.record.ciphertext, "base64url");
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, ciphertext);
  expect(new TextDecoder().decode(plain)).toBe("sk-canary");
  await replica.close();
});

test("a replica's bus credential is renewed in the second half of its life", async () => {
  const { secret } = await tokenFor(1);
  const keys = enrolmentKeys();
  const replica = await connectFakeReplica(await enrolWith(secret, keys), keys);
  expect((await replica.beat()).natsJwt).toBeUndefined();
  await cp.ports.db.execute(
    sql`update replica set nats_jwt_expires_at = now() + interval '11 hours' where id = ${replica.id}`,
  );
  const { natsJwt } = await replica.beat();
  const claims = JSON.parse(Buffer.from(natsJwt?.split(".")[1] ?? "", "base64url").toString());
  expect(claims).toMatchObject({ sub: keys.publicKey, name: replica.id });
  expect(claims.exp - claims.iat).toBe(86_400);
  await replica.close();
});

test("a heartbeat of an earlier start of the same replica gets no proof", async () => {
  const { secret } = await tokenFor(1);
  const keys = enrolmentKeys();
  const replica = await connectFakeReplica(await enrolWith(secret, keys), keys);
  await replica.beat({ boot: "2.second-start" });
  await expect(replica.beat({ boot: "1.first-start" }, 1)).rejects.toThrow();
  expect((await replica.beat({ boot: "2.second-start" })).boot).toBe("2.second-start");
  await replica.close();
});
