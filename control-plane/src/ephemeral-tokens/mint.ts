/**
 * Where every ephemeral token is made. The bargain: a token says what it may at most and whose child it is, so its maker
 * need not know what the parent may; gateways look that up at each request.
 */
import { TOKEN_SECONDS_DEFAULT } from "@claviger/shared/api/ephemeral-token";
import { ApiProblem, problem } from "@claviger/shared/api/problem";
import { TOKEN_BYTES_MAX } from "@claviger/shared/decide/credential";
import { EPHEMERAL_PREFIX } from "@claviger/shared/key/secret";
import { TOKEN_ISSUER, type TokenLimits, TokenPayload } from "@claviger/shared/wire/token";
import type { Queryable } from "../db/database.ts";
import { newId } from "../db/new-id.ts";
import { ephemeralToken } from "../db/tables/ephemeral-token.ts";
import type { KeyRow } from "../keys/record.ts";
import type { Ports } from "../ports.ts";

/** Narrows nothing. */
export const NO_LIMITS: TokenLimits = {
  models: null,
  providers: null,
  ip: null,
  rpm: null,
  tpm: null,
  mcp: null,
};

export interface Wanted {
  readonly parent: Pick<KeyRow, "id" | "orgId" | "expiresAt">;
  readonly generation: number;
  readonly limits: TokenLimits;
  /** When it is asked for, it is not cut. */
  readonly ttlSeconds?: number | undefined;
  readonly ttlSecondsDefault?: number;
  /** `<epoch>.<revision>`: a gateway below it waits before it judges the token. */
  readonly revision: string;
}

export type TokenRow = typeof ephemeralToken.$inferSelect;

export interface Minted {
  readonly row: TokenRow;
  readonly token: string;
}

/** Signs a token and writes its row. Throws when the parent lives for less time than is asked for, or is over. */
export async function mint(db: Queryable, ports: Ports, wanted: Wanted): Promise<Minted> {
  const { parent, generation, limits } = wanted;
  const iat = Math.floor(ports.clock.nowMs() / 1000);
  const exp = expiryOf(wanted, iat);
  const [epoch, rev] = wanted.revision.split(".").map(Number);
  const jti = newId(ports.random, "tok");
  const payload = TokenPayload.parse({
    iss: TOKEN_ISSUER,
    aud: parent.orgId,
    sub: parent.id,
    pg: generation,
    jti,
    iat,
    exp,
    lim: limits,
    mr: [epoch, rev],
  });
  const jws = await ports.sign("clv-token+jws", new TextEncoder().encode(JSON.stringify(payload)));
  const token = EPHEMERAL_PREFIX + jws;
  if (token.length > TOKEN_BYTES_MAX) throw tooLong();
  const row: TokenRow = {
    id: jti,
    orgId: parent.orgId,
    keyId: parent.id,
    createdAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
    revokedRevision: null,
  };
  await db.insert(ephemeralToken).values(row);
  return { row, token };
}

/** Whole seconds, rounded so that no token outlives its parent. */
function expiryOf({ parent, ttlSeconds, ttlSecondsDefault }: Wanted, iat: number): number {
  const end = parent.expiresAt === null ? Number.POSITIVE_INFINITY : parent.expiresAt.getTime() / 1000;
  if (end <= iat + 1) throw problem("state_conflict", "What the token is made from has expired.");
  const wished = iat + (ttlSeconds ?? ttlSecondsDefault ?? TOKEN_SECONDS_DEFAULT);
  if (ttlSeconds !== undefined && wished > end) {
    const detail = `ttlSeconds reaches beyond the end of what the token is made from, ${parent.expiresAt?.toISOString()}.`;
    throw new ApiProblem([{ code: "invalid_value", detail, pointer: "/ttlSeconds" }]);
  }
  return Math.min(wished, Math.floor(end));
}

function tooLong(): ApiProblem {
  const detail = "The lists are too long for a token, which has 4096 bytes at most. Narrow the key instead.";
  return problem("state_conflict", detail);
}
