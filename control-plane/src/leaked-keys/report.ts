/**
 * Whoever finds a secret of ours may hand it in: it is worth nothing to anybody from then on. The bargain: nobody is asked
 * who they are, because whoever holds the secret could do worse with it; so nothing is told either.
 */
import { ApiProblem } from "@claviger/shared/api/problem";
import { sameText } from "@claviger/shared/key/constant-time";
import { EPHEMERAL_PREFIX, hashSecret, parseApiKey, parseToken } from "@claviger/shared/key/secret";
import type { Actor } from "@claviger/shared/wire/delta";
import { createVerify } from "@claviger/shared/wire/sign";
import { TokenPayload } from "@claviger/shared/wire/token";
import { and, eq, ne, type SQL, sql } from "drizzle-orm";
import { apiKey } from "../db/tables/api-key.ts";
import { personalAccessToken } from "../db/tables/personal-access-token.ts";
import { revokeToken } from "../ephemeral-tokens/revoke.ts";
import type { KeyRow } from "../keys/record.ts";
import { endRotation } from "../keys/rotate.ts";
import { revokeKey } from "../keys/set-status.ts";
import type { Ports } from "../ports.ts";

const ACTOR: Actor = { kind: "system", id: "leaked-keys", name: "Report of a leaked key" };
const WHY = { reason: "The secret was reported as leaked.", inflight: "abort" } as const;

/** Ends the secret if it is one that works; says nothing about whether it was. */
export async function reportLeak(ports: Ports, secret: string): Promise<void> {
  try {
    await end(ports, secret);
  } catch (error) {
    // Deleted or ended meanwhile by somebody else: the secret works no more, and that is all that was wanted.
    if (error instanceof ApiProblem && ["not_found", "state_conflict"].includes(error.code)) return;
    throw error;
  }
}

async function end(ports: Ports, secret: string): Promise<void> {
  if (secret.startsWith(EPHEMERAL_PREFIX)) return endToken(ports, secret);
  const hash = await hashSecret(secret);
  const key = parseApiKey(secret);
  if (key.kind === "apiKey") {
    return endKey(ports, "key", hash, await candidates(ports, eq(apiKey.id, key.keyId)));
  }
  const parsed = parseToken(secret);
  if (parsed.kind !== "token") return;
  if (parsed.token === "agent") {
    return endKey(ports, "agent", hash, await candidates(ports, holdsAgentSecret(hash)));
  }
  if (parsed.token === "personalAccess") {
    await ports.db.delete(personalAccessToken).where(eq(personalAccessToken.tokenHash, hash));
  }
}

/** As the index `api_key_agent_hashes` has it: whoever asks is a stranger, and must not have a table read. */
export function holdsAgentSecret(hash: string): SQL {
  return sql`${apiKey.kind} = 'agent' and ${apiKey.hashes} @> ${JSON.stringify([{ hash }])}::jsonb`;
}

function candidates(ports: Ports, condition: SQL): Promise<KeyRow[]> {
  return ports.db
    .select()
    .from(apiKey)
    .where(and(ne(apiKey.status, "deleted"), condition));
}

/** The present secret takes the key with it; one that only a grace keeps alive, its grace. */
async function endKey(
  ports: Ports,
  kind: "key" | "agent",
  hash: string,
  rows: readonly KeyRow[],
): Promise<void> {
  const nowMs = ports.clock.nowMs();
  for (const row of rows) {
    const held = row.hashes.find((each) => sameText(each.hash, hash));
    if (row.kind !== kind || held === undefined || row.status === "revoked") continue;
    const scope = { organizationId: row.orgId, actor: ACTOR };
    if (held.notAfterMs === null) await revokeKey(ports, scope, row.id, WHY, kind);
    else if (held.notAfterMs > nowMs) await endRotation(ports, scope, row.id, kind);
  }
}

const decoder = new TextDecoder();

async function endToken(ports: Ports, token: string): Promise<void> {
  const verify = await createVerify(ports.fleet.verificationKeys);
  const payload = await verify("clv-token+jws", token.slice(EPHEMERAL_PREFIX.length));
  if (payload === undefined) return;
  const { aud, jti, exp } = TokenPayload.parse(JSON.parse(decoder.decode(payload)));
  if (exp * 1000 <= ports.clock.nowMs()) return;
  await revokeToken(ports, { organizationId: aud, actor: ACTOR }, jti, WHY);
}
