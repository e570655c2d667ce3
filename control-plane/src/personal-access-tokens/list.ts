import type { ListQuery } from "@claviger/shared/api/list";
import { notFound } from "@claviger/shared/api/problem";
import type { Page } from "@claviger/shared/api/resource";
import { includesRole } from "@claviger/shared/api/role-rank";
import { and, eq, type SQL } from "drizzle-orm";
import { pageOf, pageWhere, timeValue } from "../db/page.ts";
import { personalAccessToken } from "../db/tables/personal-access-token.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { type TokenResource, tokenResource } from "./view.ts";

/** The caller's own tokens, newest first; admins see those of all members. */
export async function listTokens(
  ports: Ports,
  caller: Caller,
  query: ListQuery,
): Promise<Page<TokenResource>> {
  const visible = visibleTokens(caller);
  const order = {
    expr: personalAccessToken.createdAt,
    id: personalAccessToken.id,
    kind: "time",
    descending: true,
  } as const;
  const paged = pageWhere(order, query);
  const rows = await ports.db
    .select()
    .from(personalAccessToken)
    .where(and(visible, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, (row) => [timeValue(row.createdAt), row.id]);
  return {
    resources: page.rows.map(tokenResource),
    next: page.next,
    total: await ports.db.$count(personalAccessToken, visible),
  };
}

export async function readToken(ports: Ports, caller: Caller, id: string): Promise<TokenResource> {
  const [row] = await ports.db
    .select()
    .from(personalAccessToken)
    .where(and(visibleTokens(caller), eq(personalAccessToken.id, id)));
  if (row === undefined) throw notFound("personal access token");
  return tokenResource(row);
}

/** The token is dead with the answer. */
export async function deleteToken(ports: Ports, caller: Caller, id: string): Promise<void> {
  const rows = await ports.db
    .delete(personalAccessToken)
    .where(and(visibleTokens(caller), eq(personalAccessToken.id, id)))
    .returning({ id: personalAccessToken.id });
  if (rows.length === 0) throw notFound("personal access token");
}

function visibleTokens(caller: Caller): SQL | undefined {
  return and(
    eq(personalAccessToken.orgId, caller.organizationId),
    includesRole(caller.role, "admin") ? undefined : eq(personalAccessToken.memberId, caller.memberId),
  );
}
