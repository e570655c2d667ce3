import type { PersonalAccessTokenCreate } from "@claviger/shared/api/personal-access-token";
import { invalidAttribute } from "@claviger/shared/api/problem";
import { hashSecret, makeToken } from "@claviger/shared/key/secret";
import { newId } from "../db/new-id.ts";
import { personalAccessToken } from "../db/tables/personal-access-token.ts";
import { recordOutcome } from "../idempotency/claim.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { requireStill } from "../sessions/recheck.ts";
import { type TokenResource, type TokenRow, tokenResource } from "./view.ts";

/**
 * Makes a token for the caller itself, never with more rights than the caller has now. A token that makes another hands
 * on its own limits: the child has no higher role and no later end.
 */
export async function createToken(
  ports: Ports,
  caller: Caller,
  input: PersonalAccessTokenCreate,
): Promise<{ resource: TokenResource; secretKey: string }> {
  const nowMs = ports.clock.nowMs();
  if (input.role) requireRole(caller, input.role);
  if (input.expiresAt && input.expiresAt.getTime() <= nowMs) {
    throw invalidAttribute("expiresAt", "expiresAt must lie in the future.");
  }
  const expiresAt = expiryOf(caller, input);
  const secretKey = makeToken("personalAccess", ports.random);
  const row: TokenRow = {
    id: newId(ports.random, "pat"),
    orgId: caller.organizationId,
    memberId: caller.memberId,
    name: input.name,
    tokenHash: await hashSecret(secretKey),
    preview: `${secretKey.slice(0, 9)}…${secretKey.slice(-10, -6)}`,
    role: input.role ?? caller.cap,
    createdAt: new Date(nowMs),
    expiresAt,
    lastUsedAt: null,
  };
  const resource = tokenResource(row);
  await ports.db.transaction(async (tx) => {
    await requireStill(tx, ports, caller);
    await tx.insert(personalAccessToken).values(row);
    if (caller.claim) {
      const outcome = { resource, created: true, effect: "neutral", secret: true, revision: null } as const;
      await recordOutcome(tx, caller.claim, outcome);
    }
  });
  return { resource, secretKey };
}

function expiryOf(caller: Caller, input: PersonalAccessTokenCreate): Date | null {
  const { tokenExpiresAt } = caller;
  if (tokenExpiresAt === null || input.expiresAt === undefined) return input.expiresAt ?? tokenExpiresAt;
  if (input.expiresAt !== null && input.expiresAt <= tokenExpiresAt) return input.expiresAt;
  const end = tokenExpiresAt.toISOString();
  throw invalidAttribute("expiresAt", `The token that asks ends at ${end}; one that it makes ends no later.`);
}
