/**
 * The poke of the HTTPS courier: a call that is held until its organization has moved past a revision, or a question waits
 * for its replica. It is woken by
 * PostgreSQL's notifications and asks nobody while it waits. An answer too many costs a heartbeat and nothing else.
 */
import { WAIT_MS_MAX } from "@claviger/shared/wire/courier-call";
import type { Ports } from "../ports.ts";
import { readHead } from "./deltas.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Sender } from "./senders.ts";

export interface Waits {
  /** Resolves to whether there is something to ask for; false after 25 s, or when the replica waits anew. */
  untilPast(sender: Sender, held: { epoch: number; rev: number }, left: AbortSignal): Promise<boolean>;
}

/** The waiting calls of one process; one per replica, the latest. */
export function createWaits(ports: Pick<Ports, "db" | "wake">, mailbox: Mailbox): Waits {
  const waiting = new Map<string, (woken: boolean) => void>();
  return {
    async untilPast({ orgId, replicaId }, held, left) {
      waiting.get(replicaId)?.(false);
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const onLeave = () => resolve(false);
      const timer = setTimeout(onLeave, WAIT_MS_MAX);
      left.addEventListener("abort", onLeave);
      waiting.set(replicaId, resolve);
      // Listening comes first, so that nothing falls between the look and the wait.
      const unlisten = ports.wake.on("change", (payload) => {
        if (payload === orgId || payload === "") resolve(true);
      });
      const offMail = mailbox.on(replicaId, () => resolve(true));
      try {
        if (mailbox.has(replicaId)) return true;
        const head = await readHead(ports.db, orgId);
        if (head !== undefined && (head.epoch !== held.epoch || head.rev > held.rev)) return true;
        return await promise;
      } finally {
        unlisten();
        offMail();
        clearTimeout(timer);
        left.removeEventListener("abort", onLeave);
        if (waiting.get(replicaId) === resolve) waiting.delete(replicaId);
      }
    },
  };
}
