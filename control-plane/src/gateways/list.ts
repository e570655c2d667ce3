import type { Page } from "@claviger/shared/api/resource";
import { and, eq, isNull } from "drizzle-orm";
import { gateway } from "../db/tables/gateway.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findGateway, gatewayResources } from "./find.ts";
import type { GatewayResource } from "./view.ts";

/** The organization's gateways by name, all of them: there are dozens at most. */
export async function listGateways(ports: Ports, caller: Caller): Promise<Page<GatewayResource>> {
  const orgId = caller.organizationId;
  const rows = await ports.db
    .select()
    .from(gateway)
    .where(and(eq(gateway.orgId, orgId), isNull(gateway.goneAt)))
    .orderBy(gateway.name);
  const resources = await gatewayResources(ports.db, orgId, rows, ports.clock.nowMs());
  return { resources, next: null, total: resources.length };
}

/** One gateway. */
export async function readGateway(ports: Ports, caller: Caller, id: string): Promise<GatewayResource> {
  const row = await findGateway(ports.db, caller.organizationId, id);
  const [resource] = await gatewayResources(ports.db, caller.organizationId, [row], ports.clock.nowMs());
  if (resource === undefined) throw new Error("a gateway without a view");
  return resource;
}
