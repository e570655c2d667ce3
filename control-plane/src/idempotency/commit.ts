/** How every verb that changes something commits: through the journal, with its idempotent outcome in the same breath. */
import type { Resource } from "@claviger/shared/api/resource";
import { sql } from "drizzle-orm";
import { journaled, type Tx } from "../fleet/journal.ts";
import type { Effect, JournalEntry } from "../fleet/journal-types.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { requireStill } from "../sessions/recheck.ts";
import { type Claim, recordOutcome } from "./claim.ts";

/** What a change verb returns; `resource` is null after a delete. */
export interface Changed<R extends Resource = Resource> {
  readonly resource: R | null;
  readonly effect: Effect;
  readonly operationId: string | null;
  /** `<epoch>.<revision>` of the resource, or of the organization after a delete. */
  readonly revision: string;
  /** Shown once, as `meta.secretKey`; never stored with the idempotent answer. */
  readonly secretKey?: string;
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** What a verb's transaction has done. Without an entry nothing changed for gateways. */
export interface Written<R extends Resource = Resource> {
  readonly resource: R | null;
  readonly entry: JournalEntry | null;
  /** Answered with 201; absent: when the action is a creation. */
  readonly created?: boolean;
  /** The resource's revision when this call did not change it. */
  readonly revision?: string;
  /** The operation of the earlier change that this call repeats. */
  readonly operationId?: string | null;
  readonly effect?: Effect;
  readonly secretKey?: string;
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** What only the operator does: no member's role stands behind it. */
export interface OperatorScope {
  readonly organizationId: string;
  readonly claim?: Claim | undefined;
}

/**
 * Runs a verb's transaction under the organization's lock, after a second look at the caller: whoever lost the right or
 * the credential since the request began changes nothing.
 */
export async function commit<R extends Resource>(
  ports: Ports,
  scope: Caller | OperatorScope,
  write: (tx: Tx) => Promise<Written<R>>,
): Promise<Changed<R>> {
  const { value, operationId, revision } = await journaled(ports, scope.organizationId, async (tx) => {
    if ("credentialId" in scope) await requireStill(tx, ports, scope);
    const written = await write(tx);
    if (scope.claim !== undefined) {
      await recordOutcome(tx, scope.claim, {
        resource: written.resource,
        created: written.created ?? written.entry?.action.endsWith(".create") ?? false,
        effect: written.entry?.effect ?? written.effect ?? "neutral",
        secret: written.secretKey !== undefined,
        revision: written.revision ?? (await nextRevision(tx, scope.organizationId)),
        ...(written.operationId ? { operationId: written.operationId } : {}),
        ...(written.meta === undefined ? {} : { meta: written.meta }),
      });
    }
    return { value: written, entry: written.entry };
  });
  return {
    resource: value.resource,
    effect: value.entry?.effect ?? value.effect ?? "neutral",
    operationId: operationId ?? value.operationId ?? null,
    revision: value.revision ?? revision,
    ...(value.secretKey === undefined ? {} : { secretKey: value.secretKey }),
    ...(value.meta === undefined ? {} : { meta: value.meta }),
  };
}

/** The revision that the organization has at this moment. */
export async function presentRevision(db: Tx | Ports["db"], orgId: string): Promise<string> {
  const [head] = await db.execute<{ epoch: number; rev: string }>(
    sql`select epoch, rev from org_head where org_id = ${orgId}`,
  );
  if (head === undefined) throw new Error("this organization has no journal");
  return `${head.epoch}.${head.rev}`;
}

/** The revision that the entry of this transaction will get: its lock is held, so nobody else can take it. */
export async function nextRevision(tx: Tx, orgId: string): Promise<string> {
  const [epoch, rev] = (await presentRevision(tx, orgId)).split(".");
  return `${epoch}.${Number(rev) + 1}`;
}

/** The operation that made this revision; null when it needed none. */
export async function operationAt(
  tx: Tx | Ports["db"],
  orgId: string,
  revision: string,
): Promise<string | null> {
  const [epoch, rev] = revision.split(".");
  const [row] = await tx.execute<{ id: string }>(
    sql`select id from barrier_op where org_id = ${orgId} and epoch = ${Number(epoch)} and rev = ${Number(rev)}`,
  );
  return row?.id ?? null;
}

/** What several effects are together: whatever takes something away makes the whole restrictive. */
export function joinEffects(...effects: readonly Effect[]): Effect {
  if (effects.includes("restrictive")) return "restrictive";
  return effects.includes("giving") ? "giving" : "neutral";
}
