import type { InvitationView } from "@claviger/shared/api/invitation";
import type { Resource } from "@claviger/shared/api/resource";
import { queryOptions } from "@tanstack/react-query";
import { ask } from "../api/client.ts";
import { keysQuery } from "../api/queries.ts";

export type Invitation = Resource<InvitationView>;

export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: async ({ signal }) => (await ask<Invitation[]>("GET", "/invitations", { signal })).data,
  staleTime: 10_000,
});

/** One key of a member that works, and in `meta.total` how many do. */
export function ownedQuery(memberId: string) {
  const filters = { search: "", status: "active", project: "", sort: "name", after: undefined, size: 1 };
  return keysQuery({ ...filters, owner: memberId });
}
