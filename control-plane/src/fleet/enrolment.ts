/** How a replica comes into being: by one use of a counted, short-lived token (PROTOCOL §2.2). */
import { createHash } from "node:crypto";
import { problem } from "@claviger/shared/api/problem";
import type { EnrolAnswer, EnrolRequest } from "@claviger/shared/wire/enrol";
import { and, eq, gt, isNull, lt, sql } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { enrolmentToken } from "../db/tables/enrolment-token.ts";
import { gateway } from "../db/tables/gateway.ts";
import { replica } from "../db/tables/replica.ts";
import type { Ports } from "../ports.ts";
import { mintReplicaJwt } from "./accounts.ts";
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
  const secret = `clvt_${Buffer.from(ports.random(32)).toString("base64url")}`;
  const id = newId(ports.random, "enr");
  const nowMs = ports.clock.nowMs();
  await tx.insert(enrolmentToken).values({
    id,
    orgId,
    gatewayId: place.id,
    hash: hashOf(secret),
    replicas,
    createdAt: new Date(nowMs),
    expiresAt: new Date(nowMs + TOKEN_MS),
  });
  return { id, gatewayId: place.id, secret, expiresAtMs: nowMs + TOKEN_MS };
}

interface Enrolled {
  orgId: string;
  gatewayId: string;
  replicaId: string;
}

/**
 * Spends one use of the token and answers with everything a replica needs to start. The same replica asking again,
 * because the first answer was lost, gets the same identity. Throws `enrolment_used` and `enrolment_expired`.
 */
export async function enrol(ports: Ports, request: EnrolRequest): Promise<EnrolAnswer> {
  if (!isNkey("user", request.nkey)) throw problem("invalid_value", "nkey is not a public user key.");
  const { replicaId, gatewayId, orgId } = await ports.db.transaction((tx) => spendToken(tx, ports, request));
  const [place] = await ports.db.select().from(gateway).where(eq(gateway.id, gatewayId));
  if (place === undefined) throw new Error("a token names a gateway that does not exist");
  const [minted, dataKeys] = await Promise.all([
    mintReplicaJwt(ports.db, ports, orgId, { id: replicaId, nkey: request.nkey }),
    sealDataKeys(ports.db, ports, { orgId, gatewayId, replicaId, sealKey: request.sealKey }),
  ]);
  await ports.db
    .update(replica)
    .set({ natsJwtExpiresAt: new Date(minted.expiresAtMs) })
    .where(eq(replica.id, replicaId));
  ports.log.info({ org: orgId, gateway: place.name, replica: replicaId }, "a replica enrolled");
  return {
    v: 1,
    organizationId: orgId,
    gatewayId,
    gatewayName: place.name,
    region: place.region,
    replicaId,
    natsJwt: minted.jwt,
    natsUrls: [...ports.fleet.natsUrls],
    verificationKeys: [...ports.fleet.verificationKeys],
    dataKeys,
    cpTimeMs: ports.clock.nowMs(),
  };
}

async function spendToken(tx: Tx, ports: Ports, request: EnrolRequest): Promise<Enrolled> {
  const hash = hashOf(request.token);
  const [token] = await tx.select().from(enrolmentToken).where(eq(enrolmentToken.hash, hash)).for("update");
  const now = new Date(ports.clock.nowMs());
  if (token === undefined || token.expiresAt <= now) throw problem("enrolment_expired");
  const { orgId, gatewayId } = token;
  const [known] = await tx
    .select({ id: replica.id, sealKey: replica.sealKey, tokenId: replica.tokenId })
    .from(replica)
    .where(and(eq(replica.nkey, request.nkey), isNull(replica.goneAt)));
  if (known?.tokenId === token.id && known.sealKey === request.sealKey) {
    return { orgId, gatewayId, replicaId: known.id };
  }
  const spent = await tx
    .update(enrolmentToken)
    .set({ used: sql`${enrolmentToken.used} + 1` })
    .where(
      and(
        eq(enrolmentToken.id, token.id),
        lt(enrolmentToken.used, enrolmentToken.replicas),
        gt(enrolmentToken.expiresAt, now),
      ),
    )
    .returning({ id: enrolmentToken.id });
  if (spent.length === 0 || known !== undefined) {
    ports.log.error(
      { alarm: "enrolment_used", org: orgId, gateway: gatewayId, token: token.id, slot: request.slot },
      "an enrolment token was used more often than it allows",
    );
    throw problem("enrolment_used");
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
  return { orgId, gatewayId, replicaId };
}

function hashOf(token: string): string {
  return createHash("sha256").update(`clv/enrolment/v1\0${token}`).digest("base64url");
}
