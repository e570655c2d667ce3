/** From the row to what the API shows. */

import type { ApiKeyStatus, ApiKeyView } from "@claviger/shared/api/api-key";
import type { BudgetPeriod, BudgetState } from "@claviger/shared/api/budget";
import type { Resource } from "@claviger/shared/api/resource";
import { usdOf } from "@claviger/shared/money/cost";
import { windowOf } from "@claviger/shared/money/period";
import { nouns } from "./kind.ts";
import type { KeyRow } from "./record.ts";

/** A key's row with what stands around it. */
export interface KeyFacts {
  readonly key: KeyRow;
  readonly ownerName: string;
  readonly budget: { limitUsd: string; period: string; thresholds: number[] | null } | null;
  /** Of the budget's period in force; null before anything was spent or held in it. */
  readonly window: { spentN: bigint; openN: bigint } | null;
  readonly requests: number;
  readonly spentNanos: bigint;
  /** Admitted requests that are not in the sum, because nobody knows the price of their model. */
  readonly unpriced: number;
  readonly lastUsedAt: Date | null;
  /** Sum over the organization, deleted keys included. */
  readonly requestsOfAll: number;
}

export type KeyResource = Resource<ApiKeyView>;

/** The public form of a key at an instant: `expired` and the grace are computed from it. */
export function keyResource(facts: KeyFacts, nowMs: number): KeyResource {
  const { key, budget } = facts;
  return {
    type: nouns[key.kind === "agent" ? "agent" : "key"].type,
    id: key.id,
    attributes: {
      name: key.name,
      note: key.note,
      status: statusOf(key, nowMs),
      preview: key.preview,
      revision: key.revision,
      generation: key.generation,
      expiresAt: key.expiresAt?.toISOString() ?? null,
      graceEndsAt: graceOf(key, nowMs),
      ownerId: key.ownerId,
      ownerName: facts.ownerName,
      projectId: key.projectId,
      requestsPerMinute: key.requestsPerMinute,
      tokensPerMinute: key.tokensPerMinute,
      maxConcurrency: key.maxConcurrency,
      toolCallsPerMinute: key.toolCallsPerMinute,
      budgetUsd: budget?.limitUsd ?? null,
      budgetPeriod: (budget?.period ?? null) as ApiKeyView["budgetPeriod"],
      budgetAlertThresholds: budget?.thresholds ?? null,
      budgetState: budget === null ? null : stateOf(budget.period as BudgetPeriod, facts.window, nowMs),
      allowedProviders: key.allowedProviders,
      allowedModels: key.allowedModels,
      ipAllowlist: key.ipAllowlist,
      metadata: key.metadata,
      mcp: key.mcp,
      maxStalenessSeconds: key.maxStalenessSeconds,
      gatewayIds: key.gatewayIds,
      lastUsedAt: facts.lastUsedAt?.toISOString() ?? null,
      createdAt: key.createdAt.toISOString(),
      requests: facts.requests,
      usagePercent: percentOf(facts.requests, facts.requestsOfAll),
      spentUsd: usdOf(facts.spentNanos),
      unpricedRequests: facts.unpriced,
    },
  };
}

function stateOf(period: BudgetPeriod, window: KeyFacts["window"], nowMs: number): BudgetState {
  const { endMs } = windowOf(period, nowMs);
  return {
    spentUsd: usdOf(window?.spentN ?? 0n),
    heldUsd: usdOf(window?.openN ?? 0n),
    endsAt: endMs === null ? null : new Date(endMs).toISOString(),
  };
}

function statusOf(key: KeyRow, nowMs: number): ApiKeyStatus {
  if (key.status === "deleted") throw new Error("a deleted key has no public form");
  if (key.status !== "active") return key.status;
  return key.expiresAt !== null && key.expiresAt.getTime() <= nowMs ? "expired" : "active";
}

function graceOf(key: KeyRow, nowMs: number): string | null {
  const ends = key.hashes.map((hash) => hash.notAfterMs ?? 0).filter((endMs) => endMs > nowMs);
  return ends.length === 0 ? null : new Date(Math.max(...ends)).toISOString();
}

function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 10_000) / 100;
}
