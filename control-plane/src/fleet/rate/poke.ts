/** Asks replicas for a report: they have what others lack, or lack what has become free. */
import { controlSubjects, POKE } from "@claviger/shared/wire/subjects";
import type { Ports } from "../../ports.ts";
import { accountOf } from "../senders.ts";

/** No replica is asked more often by one process, in milliseconds. */
const POKE_EVERY_MS = 200;
/** Replicas that are remembered; then all are forgotten, which costs a poke each. */
const REMEMBERED_MAX = 10_000;

export type PokeReplicas = (orgId: string, replicas: readonly string[]) => Promise<void>;

/**
 * Over the bus only: without it replicas report what is short once a second, and all else with their next heartbeat. A poke
 * that comes too soon after another is sent when its time has come, for what it was about is not settled yet.
 */
export function createPokes(ports: Pick<Ports, "db" | "bus" | "clock" | "log">): PokeReplicas {
  const atMs = new Map<string, number>();
  return async (orgId, replicas) => {
    if (replicas.length === 0 || !ports.bus.connected) return;
    try {
      const account = await accountOf(ports, orgId);
      if (account === undefined) return;
      if (atMs.size > REMEMBERED_MAX) atMs.clear();
      const nowMs = ports.clock.nowMs();
      for (const replica of replicas) {
        const nextMs = (atMs.get(replica) ?? 0) + POKE_EVERY_MS;
        // One is on its way already.
        if (nextMs > nowMs + POKE_EVERY_MS) continue;
        const waitMs = Math.max(0, nextMs - nowMs);
        atMs.set(replica, nowMs + waitMs);
        const send = () => ports.bus.publish(controlSubjects.own(account, replica), POKE);
        if (waitMs === 0) send();
        else setTimeout(send, waitMs).unref();
      }
    } catch (error) {
      ports.log.warn({ err: error, org: orgId }, "replicas could not be asked for a report of their limits");
    }
  };
}
