/** What a replica hears on the bus: the changes of everybody, and what is for it alone (PROTOCOL §2.2). */
import { claimsDetached } from "@claviger/shared/wire/detached";
import { POKE, replicaSubjects } from "@claviger/shared/wire/subjects";
import type { NatsConnection, Subscription } from "@nats-io/nats-core";
import type { Log } from "../ports.ts";

export interface BusListener {
  delta(jws: string): void;
  poke(): void;
  query(jws: string): void;
  detached(jws: string): void;
}

/** Sends the subscriptions; only a flush says that the server has them. Judges nothing of what comes but its kind. */
export function subscribeReplica(
  connection: NatsConnection,
  replica: string,
  listener: BusListener,
  log: Log,
): readonly Subscription[] {
  const deltas = connection.subscribe(replicaSubjects.deltas, {
    callback: (error, message) => {
      if (error === null) listener.delta(message.string());
      else log.error({ err: error }, "the subscription for changes failed");
    },
  });
  const own = connection.subscribe(replicaSubjects.own(replica), {
    callback: (error, message) => {
      if (error !== null) {
        log.error({ err: error }, "the subscription for pokes failed");
        return;
      }
      const text = message.string();
      if (text === POKE) listener.poke();
      else if (claimsDetached(text)) listener.detached(text);
      else listener.query(text);
    },
  });
  return [deltas, own];
}
