/** Reading gateways, always inside one organization. */
import { notFound } from "@claviger/shared/api/problem";
import { and, eq, inArray, isNull } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { gateway } from "../db/tables/gateway.ts";
import { orgHead } from "../db/tables/org-head.ts";
import { replica } from "../db/tables/replica.ts";
import {
  type FleetNow,
  type GatewayResource,
  type GatewayRow,
  gatewayResource,
  type ReplicaRow,
} from "./view.ts";

/** The row of a gateway that is attached; `not_found` for everything else. */
export async function findGateway(db: Queryable, orgId: string, id: string): Promise<GatewayRow> {
  const [row] = await db
    .select()
    .from(gateway)
    .where(and(eq(gateway.orgId, orgId), eq(gateway.id, id), isNull(gateway.goneAt)));
  if (row === undefined) throw notFound("gateway");
  return row;
}

/** Replicas of these gateways that may still enter the table, by slot. */
export async function findReplicas(
  db: Queryable,
  orgId: string,
  gatewayIds: readonly string[],
): Promise<ReplicaRow[]> {
  if (gatewayIds.length === 0) return [];
  return db
    .select()
    .from(replica)
    .where(and(eq(replica.orgId, orgId), inArray(replica.gatewayId, [...gatewayIds]), isNull(replica.goneAt)))
    .orderBy(replica.slot, replica.enrolledAt);
}

/** Public forms of these gateways, in their order. */
export async function gatewayResources(
  db: Queryable,
  orgId: string,
  rows: readonly GatewayRow[],
  nowMs: number,
): Promise<GatewayResource[]> {
  const [head] = await db.select().from(orgHead).where(eq(orgHead.orgId, orgId));
  if (head === undefined) throw new Error("this organization has no journal");
  const replicas = await findReplicas(
    db,
    orgId,
    rows.map((row) => row.id),
  );
  const now: FleetNow = { head, nowMs };
  return rows.map((row) =>
    gatewayResource(
      row,
      replicas.filter((candidate) => candidate.gatewayId === row.id),
      now,
    ),
  );
}
