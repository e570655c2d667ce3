/** Reading members, always inside one organization. */
import type { MemberView } from "@claviger/shared/api/member";
import { ApiProblem, notFound } from "@claviger/shared/api/problem";
import type { Resource } from "@claviger/shared/api/resource";
import { and, eq, isNull } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { member } from "../db/tables/member.ts";

export type MemberRow = typeof member.$inferSelect;
export type MemberResource = Resource<MemberView>;

/** The row; `not_found` for foreign, unknown and former members, at `attribute` when the body named the id. */
export async function findMember(
  db: Queryable,
  orgId: string,
  id: string,
  attribute?: string,
): Promise<MemberRow> {
  const [row] = await db
    .select()
    .from(member)
    .where(and(eq(member.orgId, orgId), eq(member.id, id), isNull(member.deletedAt)));
  if (row === undefined) throw notFound("member", attribute);
  return row;
}

/** Throws `state_conflict` at the pointer: what a disabled member owned would work nowhere. */
export function requireEnabled(row: MemberRow, pointer: string): void {
  if (row.disabledAt === null) return;
  const detail = "This member is disabled and cannot own keys. Enable the member first, or choose another.";
  throw new ApiProblem([{ code: "state_conflict", detail, pointer }]);
}

export function memberResource(row: MemberRow): MemberResource {
  const { email, name, role } = row;
  return {
    type: "member",
    id: row.id,
    attributes: {
      email,
      name,
      role,
      enabled: row.disabledAt === null,
      createdAt: row.createdAt.toISOString(),
    },
  };
}
