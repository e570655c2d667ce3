/** Saved views concern no gateway, so they are no change of the organization's state. */
import { notFound, problem } from "@claviger/shared/api/problem";
import type { Page } from "@claviger/shared/api/resource";
import type { SavedViewCreate, SavedViewEdit } from "@claviger/shared/api/saved-view";
import { and, eq } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { savedView } from "../db/tables/saved-view.ts";
import type { Tx } from "../fleet/journal.ts";
import { recordOutcome } from "../idempotency/claim.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { requireStill } from "../sessions/recheck.ts";
import { type SavedViewResource, type SavedViewRow, savedViewResource, visibleViews } from "./view.ts";

const VIEWS_MAX = 100;

/** One's own views and those that are shared, by name. */
export async function listSavedViews(
  ports: Ports,
  caller: Caller,
  page: string | undefined,
): Promise<Page<SavedViewResource>> {
  const rows = await ports.db
    .select()
    .from(savedView)
    .where(and(visibleViews(caller), page === undefined ? undefined : eq(savedView.page, page)))
    .orderBy(savedView.name, savedView.id);
  const resources = rows.map(savedViewResource);
  return { resources, next: null, total: resources.length };
}

/** Everybody saves for themselves; members share with all. */
export function createSavedView(
  ports: Ports,
  caller: Caller,
  input: SavedViewCreate,
): Promise<SavedViewResource> {
  if (input.shared === true) requireRole(caller, "member");
  const row: SavedViewRow = {
    id: newId(ports.random, "view"),
    orgId: caller.organizationId,
    memberId: caller.memberId,
    page: input.page,
    name: input.name,
    query: input.query,
    shared: input.shared ?? false,
    createdAt: new Date(ports.clock.nowMs()),
  };
  return ports.db.transaction(async (tx) => {
    await requireStill(tx, ports, caller);
    const held = await tx.$count(
      savedView,
      and(eq(savedView.orgId, row.orgId), eq(savedView.memberId, row.memberId)),
    );
    if (held >= VIEWS_MAX) {
      throw problem("state_conflict", `A member keeps ${VIEWS_MAX} views at most. Delete one first.`);
    }
    await tx.insert(savedView).values(row);
    const resource = savedViewResource(row);
    if (caller.claim) {
      const outcome = { resource, created: true, effect: "neutral", secret: false, revision: null } as const;
      await recordOutcome(tx, caller.claim, outcome);
    }
    return resource;
  });
}

/** Its owner changes it; an admin may too when it is shared. */
export function editSavedView(
  ports: Ports,
  caller: Caller,
  id: string,
  input: SavedViewEdit,
): Promise<SavedViewResource> {
  return ports.db.transaction(async (tx) => {
    const before = await findMine(tx, ports, caller, id);
    if (input.shared === true) requireRole(caller, "member");
    const { name = before.name, query = before.query, shared = before.shared } = input;
    const after = { ...before, name, query, shared };
    await tx.update(savedView).set(after).where(eq(savedView.id, id));
    return savedViewResource(after);
  });
}

export function deleteSavedView(ports: Ports, caller: Caller, id: string): Promise<void> {
  return ports.db.transaction(async (tx) => {
    await findMine(tx, ports, caller, id);
    await tx.delete(savedView).where(eq(savedView.id, id));
  });
}

async function findMine(tx: Tx, ports: Ports, caller: Caller, id: string): Promise<SavedViewRow> {
  await requireStill(tx, ports, caller);
  const [row] = await tx
    .select()
    .from(savedView)
    .where(and(visibleViews(caller), eq(savedView.id, id)))
    .for("update");
  if (row === undefined) throw notFound("saved view");
  if (row.memberId !== caller.memberId) requireRole(caller, "admin");
  return row;
}
