/** How a replica comes into being: by one use of a counted, short-lived token (PROTOCOL §2.2). */
import { problem } from "@claviger/shared/api/problem";
import { hashSecret, makeToken } from "@claviger/shared/key/secret";
import type { EnrolAnswer, EnrolRequest } from "@claviger/shared/wire/enrol";
import { and, eq, isNull, lt, sql } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { enrolmentToken } from "../db/tables/enrolment-token.ts";
import { gateway } from "../db/tables/gateway.ts";
import { replica } from "../db/tables/replica.ts";
import type { Ports } from "../ports.ts";
import { mintReplicaJwt } from "./accounts.ts";
import { raiseAlarm } from "./alarms.ts";
import { sealDataKeys } from "./data-key.ts";
import type { Tx } from "./journal.ts";
import { isNkey } from "./nkey.ts";

/** A token lives this long, in milliseconds. */
export const TOKEN_MS = 900_000;

export interface IssuedToken {
  id: string;
  gatewayId: string;
  /** `clvt_…`, shown once. */
  secret: string;
  expiresAtMs: number;
}

/** A token for `replicas` copies of the named gateway, which comes into being with its first token. */
export async function issueEnrolmentToken(
  tx: Tx,
  ports: Ports,
  request: { orgId: string; name: string; region: string; replicas: number },
): Promise<IssuedToken> {
  const { orgId, name, region, replicas } = request;
  const [place] = await tx
    .insert(gateway)
    .values({ id: newId(ports.random, "gw"), orgId, name, region })
    .onConflictDoUpdate({ target: [gateway.orgId, gateway.name], set: { region, goneAt: null } })
    .returning({ id: gateway.id });
  if (place === undefined) throw new Error("an upsert returned nothing");
  const secret = makeToken("enrolment", ports.random);
  const id = newId(ports.random, "enr");
  const nowMs = ports.clock.nowMs();
  await tx.insert(enrolmentToken).values({
    id,
    orgId,
    gatewayId: place.id,
    hash: await hashSecret(secret),
    replicas,
    createdAt: new Date(nowMs),
    expiresAt: new Date(nowMs + TOKEN_MS),
  });
  return { id, gatewayId: place.id, secret, expiresAtMs: nowMs + TOKEN_MS };
}

interface Enrolled {
  orgId: string;
  place: typeof gateway.$inferSelect;
  replicaId: string;
}

/**
 * Spends one use of the token and answers with everything a replica needs to start. The same replica asking again,
 * because the first answer was lost, gets the same identity. Throws `enrolment_used`, and `enrolment_expired` also when
 * the gateway was detached.
 */
export async function enrol(ports: Ports, request: EnrolRequest): Promise<EnrolAnswer> {
  if (!isNkey("user", request.nkey)) throw problem("invalid_value", "nkey is not a public user key.");
  const { orgId, place, replicaId, natsJwt, dataKeys } = await ports.db
    .transaction((tx) => equip(tx, ports, request))
    .catch(async (error: unknown) => {
      if (!(error instanceof TokenUsedUp)) throw error;
      const alarm = { code: "enrolment_used", replica: null, slot: request.slot } as const;
      await raiseAlarm(ports, error.gatewayId, alarm);
      throw problem("enrolment_used");
    });
  ports.log.info({ org: orgId, gateway: place.name, replica: replicaId }, "a replica enrolled");
  return {
    v: 1,
    organizationId: orgId,
    gatewayId: place.id,
    gatewayName: place.name,
    region: place.region,
    replicaId,
    natsJwt,
    natsUrls: [...ports.fleet.natsUrls],
    verificationKeys: [...ports.fleet.verificationKeys],
    dataKeys,
    cpTimeMs: ports.clock.nowMs(),
  };
}

/** Ends the transaction; the alarm outlives it. */
class TokenUsedUp extends Error {
  readonly gatewayId: string;

  constructor(gatewayId: string) {
    super("an enrolment token was used more often than it allows");
    this.gatewayId = gatewayId;
  }
}

/**
 * Everything happens below the lock that a detachment and a new data key take: a gateway that is detached meanwhile gets
 * nothing, or is seen by the detachment with all that it was given.
 */
async function equip(tx: Tx, ports: Ports, request: EnrolRequest) {
  const { orgId, place, replicaId } = await spendToken(tx, ports, request);
  const target = { orgId, gatewayId: place.id, replicaId, sealKey: request.sealKey };
  const dataKeys = await sealDataKeys(tx, ports, target);
  const minted = await mintReplicaJwt(tx, ports, orgId, { id: replicaId, nkey: request.nkey });
  await tx
    .update(replica)
    .set({ natsJwtExpiresAt: new Date(minted.expiresAtMs) })
    .where(eq(replica.id, replicaId));
  return { orgId, place, replicaId, natsJwt: minted.jwt, dataKeys };
}

async function spendToken(tx: Tx, ports: Ports, request: EnrolRequest): Promise<Enrolled> {
  const { token, place } = await lockToken(tx, ports, await hashSecret(request.token));
  const { orgId, gatewayId } = token;
  const [known] = await tx
    .select({ id: replica.id, sealKey: replica.sealKey, tokenId: replica.tokenId })
    .from(replica)
    .where(and(eq(replica.nkey, request.nkey), isNull(replica.goneAt)));
  if (known?.tokenId === token.id && known.sealKey === request.sealKey) {
    return { orgId, place, replicaId: known.id };
  }
  const spent = await tx
    .update(enrolmentToken)
    .set({ used: sql`${enrolmentToken.used} + 1` })
    .where(and(eq(enrolmentToken.id, token.id), lt(enrolmentToken.used, enrolmentToken.replicas)))
    .returning({ id: enrolmentToken.id });
  if (spent.length === 0 || known !== undefined) {
    ports.log.error(
      { alarm: "enrolment_used", org: orgId, gateway: gatewayId, token: token.id, slot: request.slot },
      "an enrolment token was used more often than it allows",
    );
    throw new TokenUsedUp(gatewayId);
  }
  const replicaId = newId(ports.random, "rep");
  await tx.insert(replica).values({
    id: replicaId,
    orgId,
    gatewayId,
    slot: request.slot,
    nkey: request.nkey,
    sealKey: request.sealKey,
    publicUrl: request.publicUrl ?? null,
    runtime: request.runtime,
    // The database's clock: barriers compare it with the time of their commit.
    enrolledAt: sql`clock_timestamp()`,
    tokenId: token.id,
  });
  return { orgId, place, replicaId };
}

/** The token and its attached gateway, both locked; throws `enrolment_expired` for everything else. */
async function lockToken(tx: Tx, ports: Ports, hash: string) {
  const sought = eq(enrolmentToken.hash, hash);
  const [seen] = await tx.select({ orgId: enrolmentToken.orgId }).from(enrolmentToken).where(sought);
  if (seen === undefined) throw problem("enrolment_expired");
  // In the order of a detachment: organization, gateway, token.
  await tx.execute(sql`select 1 from org_head where org_id = ${seen.orgId} for share`);
  const ofToken = sql`${gateway.id} = (select gateway_id from enrolment_token where hash = ${hash})`;
  const [place] = await tx.select().from(gateway).where(ofToken).for("share");
  const [token] = await tx.select().from(enrolmentToken).where(sought).for("update");
  const expired = token === undefined || token.expiresAt <= new Date(ports.clock.nowMs());
  if (expired || place === undefined || place.goneAt !== null) throw problem("enrolment_expired");
  return { token, place };
}
