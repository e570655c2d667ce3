import type { Resource } from "@claviger/shared/api/resource";
import type { SavedViewView } from "@claviger/shared/api/saved-view";
import { and, eq, or, type SQL } from "drizzle-orm";
import { savedView } from "../db/tables/saved-view.ts";
import type { Caller } from "../sessions/caller.ts";

export type SavedViewRow = typeof savedView.$inferSelect;
export type SavedViewResource = Resource<SavedViewView>;

/** One's own views and those that are shared. */
export function visibleViews({ organizationId, memberId }: Caller): SQL | undefined {
  return and(
    eq(savedView.orgId, organizationId),
    or(eq(savedView.memberId, memberId), eq(savedView.shared, true)),
  );
}

export function savedViewResource(row: SavedViewRow): SavedViewResource {
  const { id, page, name, query, shared, memberId, createdAt } = row;
  return {
    type: "saved-view",
    id,
    attributes: { page, name, query, shared, ownerId: memberId, createdAt: createdAt.toISOString() },
  };
}
