import type { ListQuery } from "@claviger/shared/api/list";
import type { Page } from "@claviger/shared/api/resource";
import { and, eq, isNull } from "drizzle-orm";
import { pageOf, pageWhere, timeValue } from "../db/page.ts";
import { member } from "../db/tables/member.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findMember, type MemberResource, memberResource } from "./find.ts";

/** The organization's members, oldest first. */
export async function listMembers(
  ports: Ports,
  caller: Caller,
  query: ListQuery,
): Promise<Page<MemberResource>> {
  const mine = and(eq(member.orgId, caller.organizationId), isNull(member.deletedAt));
  const order = { expr: member.createdAt, id: member.id, kind: "time", descending: false } as const;
  const paged = pageWhere(order, query);
  const rows = await ports.db
    .select()
    .from(member)
    .where(and(mine, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, (row) => [timeValue(row.createdAt), row.id]);
  return {
    resources: page.rows.map(memberResource),
    next: page.next,
    total: await ports.db.$count(member, mine),
  };
}

/** One member and its revision. */
export async function readMember(ports: Ports, caller: Caller, id: string) {
  const row = await findMember(ports.db, caller.organizationId, id);
  return { resource: memberResource(row), revision: row.revision };
}
