import { type ApiKeyCreate, MAX_STALENESS_SECONDS_DEFAULT } from "@claviger/shared/api/api-key";
import { hashSecret } from "@claviger/shared/key/secret";
import { setBudget } from "../budgets/set-budget.ts";
import { apiKey } from "../db/tables/api-key.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import { findProject } from "../projects/find.ts";
import type { Caller } from "../sessions/caller.ts";
import { requireFuture, requireGateways, requireOwner, requireRecord } from "./check.ts";
import { readKeyResource } from "./find.ts";
import { type KeyKind, makeKeyOf, nouns } from "./kind.ts";
import { type KeyRow, putKey } from "./record.ts";
import type { KeyResource } from "./view.ts";

/** Makes a key or an agent; its secret is in the answer and nowhere else. Members make their own, admins also others'. */
export async function createKey(
  ports: Ports,
  caller: Caller,
  projectId: string,
  input: ApiKeyCreate,
  kind: KeyKind = "key",
): Promise<Changed<KeyResource>> {
  const made = makeKeyOf(kind, ports);
  const hash = await hashSecret(made.secret);
  return commit(ports, caller, async (tx) => {
    const nowMs = ports.clock.nowMs();
    await findProject(tx, caller.organizationId, projectId);
    const row: KeyRow = {
      ...(await attributesOf(tx, ports, caller, input, nowMs)),
      id: made.id,
      orgId: caller.organizationId,
      projectId,
      kind,
      preview: made.preview,
      generation: 1,
      hashes: [{ hash, generation: 1, notAfterMs: null }],
      status: "active",
      createdAt: new Date(nowMs),
      ...(await revisions(tx, caller.organizationId)),
    };
    requireRecord(row);
    await tx.insert(apiKey).values(row);
    const { resource } = await readKeyResource(tx, caller.organizationId, row.id, nowMs, kind);
    return {
      resource,
      secretKey: made.secret,
      entry: {
        actor: caller.actor,
        action: `${nouns[kind].type}.create`,
        effect: "giving",
        changes: [putKey(row)],
        keys: [row.id],
      },
    };
  });
}

async function revisions(tx: Tx, orgId: string) {
  const revision = await nextRevision(tx, orgId);
  return { revision, statusRevision: revision };
}

async function attributesOf(tx: Tx, ports: Ports, caller: Caller, input: ApiKeyCreate, nowMs: number) {
  const orgId = caller.organizationId;
  const expiresAt = input.expiresAt ?? input.expires_at ?? null;
  requireFuture(expiresAt, input.expires_at ? "expires_at" : "expiresAt", nowMs);
  const ownerId = input.ownerId ?? caller.memberId;
  await requireOwner(tx, caller, ownerId);
  await requireGateways(tx, orgId, input.gatewayIds);
  const { budgetId } = await setBudget(tx, ports, orgId, null, input);
  return {
    name: input.name ?? input.note ?? "",
    note: input.note ?? null,
    ownerId,
    expiresAt,
    maxStalenessSeconds: input.maxStalenessSeconds ?? MAX_STALENESS_SECONDS_DEFAULT,
    requestsPerMinute: input.requestsPerMinute ?? null,
    tokensPerMinute: input.tokensPerMinute ?? null,
    maxConcurrency: input.maxConcurrency ?? null,
    toolCallsPerMinute: input.toolCallsPerMinute ?? null,
    budgetId,
    allowedProviders: input.allowedProviders ?? null,
    allowedModels: input.allowedModels ?? null,
    ipAllowlist: input.ipAllowlist ?? null,
    gatewayIds: input.gatewayIds ?? null,
    mcp: input.mcp ?? { enabled: false },
    metadata: input.metadata ?? {},
  };
}
