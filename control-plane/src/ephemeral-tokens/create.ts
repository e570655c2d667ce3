import { MAX_STALENESS_SECONDS_DEFAULT } from "@claviger/shared/api/api-key";
import { type EphemeralTokenCreate, TOKEN_SECONDS_DEFAULT } from "@claviger/shared/api/ephemeral-token";
import { problem } from "@claviger/shared/api/problem";
import { newId } from "../db/new-id.ts";
import { apiKey } from "../db/tables/api-key.ts";
import { type Changed, commit, nextRevision, presentRevision } from "../idempotency/commit.ts";
import { requireRecord } from "../keys/check.ts";
import { findKey } from "../keys/find.ts";
import { type KeyKind, nouns } from "../keys/kind.ts";
import { type KeyRow, putKey } from "../keys/record.ts";
import type { Ports } from "../ports.ts";
import { findProject } from "../projects/find.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { mint, NO_LIMITS } from "./mint.ts";
import { limitsOf, type TokenResource, tokenResource } from "./view.ts";

/** A token of a key or an agent, which lives and dies with it. Members make those of their own keys, admins of all. */
export async function createToken(
  ports: Ports,
  caller: Caller,
  keyId: string,
  input: EphemeralTokenCreate,
  kind: KeyKind = "key",
): Promise<Changed<TokenResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const parent = await findKey(tx, orgId, keyId, kind);
    if (parent.ownerId !== caller.memberId) requireRole(caller, "admin");
    if (parent.status !== "active") {
      throw problem(
        "state_conflict",
        `This ${nouns[kind].label} is ${parent.status}: its tokens would work nowhere.`,
      );
    }
    const { row, token } = await mint(tx, ports, {
      parent,
      generation: parent.generation,
      limits: limitsOf(input),
      ttlSeconds: input.ttlSeconds,
      revision: await presentRevision(tx, orgId),
    });
    return {
      resource: tokenResource(row, parent),
      created: true,
      secretKey: token,
      entry: null,
      revision: parent.revision,
    };
  });
}

/**
 * A token made instead of a key: its parent is a key that nobody sees, that has no secret and ends with it. What it may
 * stands on the parent; gateways are told of that, and the answer waits for them.
 */
export async function createDelegatedToken(
  ports: Ports,
  caller: Caller,
  projectId: string,
  input: EphemeralTokenCreate,
): Promise<Changed<TokenResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    await findProject(tx, orgId, projectId);
    const revision = await nextRevision(tx, orgId);
    const parent = hiddenParent(ports, caller, { projectId, revision }, input);
    requireRecord(parent);
    await tx.insert(apiKey).values(parent);
    const { ttlSeconds } = input;
    const { row, token } = await mint(tx, ports, {
      parent,
      generation: 1,
      limits: NO_LIMITS,
      ttlSeconds,
      revision,
    });
    return {
      resource: tokenResource(row, parent),
      secretKey: token,
      entry: {
        actor: caller.actor,
        action: "ephemeral-token.create",
        effect: "giving",
        changes: [putKey(parent)],
        keys: [parent.id],
      },
    };
  });
}

function hiddenParent(
  ports: Ports,
  caller: Caller,
  at: { projectId: string; revision: string },
  input: EphemeralTokenCreate,
): KeyRow {
  const nowMs = ports.clock.nowMs();
  const seconds = input.ttlSeconds ?? TOKEN_SECONDS_DEFAULT;
  return {
    id: newId(ports.random, "key"),
    orgId: caller.organizationId,
    projectId: at.projectId,
    kind: "hidden",
    name: "ephemeral token",
    note: null,
    ownerId: caller.memberId,
    preview: "",
    generation: 1,
    hashes: [],
    status: "active",
    expiresAt: new Date(Math.floor(nowMs / 1000) * 1000 + (seconds + 1) * 1000),
    maxStalenessSeconds: MAX_STALENESS_SECONDS_DEFAULT,
    requestsPerMinute: input.requestsPerMinute ?? null,
    tokensPerMinute: input.tokensPerMinute ?? null,
    maxConcurrency: null,
    toolCallsPerMinute: null,
    budgetId: null,
    allowedProviders: input.allowedProviders ?? null,
    allowedModels: input.allowedModels ?? null,
    ipAllowlist: input.ipAllowlist ?? null,
    gatewayIds: null,
    mcp: input.mcp ?? { enabled: false },
    metadata: {},
    createdAt: new Date(nowMs),
    revision: at.revision,
    statusRevision: at.revision,
  };
}
