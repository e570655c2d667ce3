import type { ListQuery } from "@claviger/shared/api/list";
import { notFound } from "@claviger/shared/api/problem";
import type { Page } from "@claviger/shared/api/resource";
import { and, eq, gt, type SQL } from "drizzle-orm";
import { pageOf, pageWhere, timeValue } from "../db/page.ts";
import { member } from "../db/tables/member.ts";
import { organization } from "../db/tables/organization.ts";
import { session } from "../db/tables/session.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "./caller.ts";
import { type SessionResource, sessionResource } from "./view.ts";

/** What the caller calls its own session, whatever its id. */
export const CURRENT = "current";

/** The caller's own sessions that have not ended, newest first. */
export async function listSessions(
  ports: Ports,
  caller: Caller,
  query: ListQuery,
): Promise<Page<SessionResource>> {
  const mine = own(ports, caller);
  const order = { expr: session.createdAt, id: session.id, kind: "time", descending: true } as const;
  const paged = pageWhere(order, query);
  const rows = await select(ports)
    .where(and(mine, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, (row) => [timeValue(row.session.createdAt), row.session.id]);
  const resources = page.rows.map((row) => sessionResource(row, caller.credentialId));
  return { resources, next: page.next, total: await ports.db.$count(session, mine) };
}

/** One of the caller's own sessions; `current` is the one that asks. */
export async function readSession(ports: Ports, caller: Caller, id: string): Promise<SessionResource> {
  const wanted = id === CURRENT ? caller.credentialId : id;
  const [row] = await select(ports).where(and(own(ports, caller), eq(session.id, wanted)));
  if (row === undefined) throw notFound("session");
  return sessionResource(row, caller.credentialId);
}

/** Signs out: one of the caller's own sessions, or the one that asks. */
export async function deleteSession(ports: Ports, caller: Caller, id: string): Promise<{ current: boolean }> {
  const wanted = id === CURRENT ? caller.credentialId : id;
  const rows = await ports.db
    .delete(session)
    .where(and(own(ports, caller), eq(session.id, wanted)))
    .returning({ id: session.id });
  if (rows.length === 0) throw notFound("session");
  return { current: wanted === caller.credentialId };
}

function own(ports: Ports, caller: Caller): SQL | undefined {
  return and(
    eq(session.orgId, caller.organizationId),
    eq(session.memberId, caller.memberId),
    gt(session.expiresAt, new Date(ports.clock.nowMs())),
  );
}

function select(ports: Ports) {
  return ports.db
    .select({ session, member, organization })
    .from(session)
    .innerJoin(member, eq(member.id, session.memberId))
    .innerJoin(organization, eq(organization.id, session.orgId))
    .$dynamic();
}
