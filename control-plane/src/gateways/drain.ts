/**
 * Drain and its undoing. A replica is told in every answer to a heartbeat. The entry in the journal changes no record: it
 * puts the act into every gateway's audit and makes each replica speak at once, so that it hears within milliseconds.
 */
import { eq, sql } from "drizzle-orm";
import { gateway } from "../db/tables/gateway.ts";
import type { JournalEntry } from "../fleet/journal-types.ts";
import { type Changed, commit } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findGateway, gatewayResources } from "./find.ts";
import type { GatewayResource } from "./view.ts";

/** New requests are refused with 503 `draining`, those in flight end, `/readyz` says no. Twice is once. */
export function drainGateway(ports: Ports, caller: Caller, id: string): Promise<Changed<GatewayResource>> {
  return setDraining(ports, caller, id, true);
}

/** It takes requests again. Twice is once. */
export function resumeGateway(ports: Ports, caller: Caller, id: string): Promise<Changed<GatewayResource>> {
  return setDraining(ports, caller, id, false);
}

function setDraining(
  ports: Ports,
  caller: Caller,
  id: string,
  draining: boolean,
): Promise<Changed<GatewayResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const before = await findGateway(tx, orgId, id);
    const same = (before.drainingSince !== null) === draining;
    if (!same) {
      const drainingSince = draining ? sql`clock_timestamp()` : null;
      await tx.update(gateway).set({ drainingSince }).where(eq(gateway.id, before.id));
    }
    const after = await findGateway(tx, orgId, id);
    const [resource] = await gatewayResources(tx, orgId, [after], ports.clock.nowMs());
    const entry: JournalEntry = {
      actor: caller.actor,
      action: draining ? "gateway.drain" : "gateway.resume",
      effect: "neutral",
      changes: [],
      keys: [],
    };
    return { resource: resource ?? null, entry: same ? null : entry };
  });
}
