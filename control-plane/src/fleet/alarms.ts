/**
 * What an administrator has to see of a gateway although nobody asked: a token that was used once more than it allows, two
 * processes that claim to be one replica, a state that was not whole. Kept with the gateway, the same one counted and not repeated; it never fails or
 * holds up what raised it for longer than one short transaction.
 */
import { and, eq, isNull } from "drizzle-orm";
import { ALARM_SHOWN_MS, gateway, type StoredAlarm } from "../db/tables/gateway.ts";
import { replica } from "../db/tables/replica.ts";
import type { Ports } from "../ports.ts";
import type { Sender } from "./senders.ts";

/** Different alarms of one gateway; the oldest makes room. */
const ALARMS_MAX = 20;

/** The same alarm of a replica is counted this often, in milliseconds; its heartbeats come more often than that. */
const COUNTED_EVERY_MS = 5_000;

/** What a replica's heartbeat is an alarm by. */
const HEARD = {
  replica_conflict: "two processes claim to be one replica; the older gets no proof",
  state_damaged: "a replica started with a state that was not whole",
};

type AlarmPorts = Pick<Ports, "db" | "clock" | "log">;

/** Notes the alarm; a failure is logged and nothing else. */
export async function raiseAlarm(
  { db, clock, log }: AlarmPorts,
  gatewayId: string,
  { code, replica: replicaId, slot }: Pick<StoredAlarm, "code" | "replica" | "slot">,
): Promise<void> {
  const nowMs = clock.nowMs();
  try {
    await db.transaction(async (tx) => {
      const ofGateway = eq(gateway.id, gatewayId);
      const [row] = await tx.select({ alarms: gateway.alarms }).from(gateway).where(ofGateway).for("update");
      const held = (row?.alarms ?? []).filter(({ lastAtMs }) => nowMs - lastAtMs < ALARM_SHOWN_MS);
      const isSame = (one: StoredAlarm) =>
        one.code === code && one.replica === replicaId && one.slot === slot;
      const { count, firstAtMs } = held.find(isSame) ?? { count: 0, firstAtMs: nowMs };
      const next: StoredAlarm = {
        code,
        replica: replicaId,
        slot,
        count: count + 1,
        firstAtMs,
        lastAtMs: nowMs,
      };
      const alarms = [...held.filter((one) => !isSame(one)), next].slice(-ALARMS_MAX);
      await tx.update(gateway).set({ alarms }).where(ofGateway);
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "unknown";
    log.warn({ cause, alarm: code, gateway: gatewayId }, "an alarm could not be noted");
  }
}

/**
 * For heartbeats that get no proof because a later process speaks for the replica, and for those that say that the state
 * was damaged; one of these per process. It never rejects, and nobody has to wait for it.
 */
export function createReplicaAlarm(
  ports: AlarmPorts,
): (sender: Sender, code: keyof typeof HEARD) => Promise<void> {
  const raisedMs = new Map<string, number>();
  const note = async ({ orgId, replicaId }: Sender, code: keyof typeof HEARD): Promise<void> => {
    const nowMs = ports.clock.nowMs();
    const which = `${code} ${replicaId}`;
    if (nowMs - (raisedMs.get(which) ?? 0) < COUNTED_EVERY_MS) return;
    const ofReplica = and(eq(replica.orgId, orgId), eq(replica.id, replicaId), isNull(replica.goneAt));
    const [row] = await ports.db
      .select({ gatewayId: replica.gatewayId, slot: replica.slot })
      .from(replica)
      .where(ofReplica);
    if (row === undefined) return;
    raisedMs.set(which, nowMs);
    const fields = { alarm: code, org: orgId, gateway: row.gatewayId, replica: replicaId };
    ports.log.error(fields, HEARD[code]);
    await raiseAlarm(ports, row.gatewayId, { code, replica: replicaId, slot: row.slot });
  };
  return (sender, code) =>
    note(sender, code).catch((error: unknown) => {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "unknown";
      ports.log.warn({ cause, alarm: code, replica: sender.replicaId }, "an alarm could not be noted");
    });
}
