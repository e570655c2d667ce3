/** What replicas are answered. The couriers differ in how a call arrives and who says whose it is; from here on they are one. */
import { Ask } from "@claviger/shared/wire/escrow";
import { Heartbeat, PageRequest, SyncRequest } from "@claviger/shared/wire/heartbeat";
import { type UsageAnswer, UsageBatch } from "@claviger/shared/wire/usage";
import type * as z from "zod";
import type { Ports } from "../ports.ts";
import { createReplicaAlarm } from "./alarms.ts";
import { detachmentOf } from "./detachment.ts";
import { answerAsk } from "./escrow/ask.ts";
import { createHeartbeatIntake } from "./heartbeat.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Sender } from "./senders.ts";
import { readPage } from "./snapshot.ts";
import { answerSync } from "./sync.ts";

/** One kind of call: how its body is read, and its answer; null: none. */
export interface Service {
  readonly schema: z.ZodType;
  /** `body` is what `schema` made. */
  readonly serve: (sender: Sender, body: unknown) => Promise<string | null>;
  /** It finds out under a lock of its own whether the sender is attached, and tells a detached one. */
  readonly tellsDetached?: true;
}

export interface Desk {
  /** No answer: another process, later started, speaks for this replica. A detached one is told that it is. */
  readonly heartbeat: Service;
  readonly sync: Service;
  /** No answer: the organization has no such page. */
  readonly page: Service;
  readonly usage: Service;
  /** No answer: another process, later started, speaks for this replica. */
  readonly escrow: Service;
}

/** Usage is a room of its own. */
export type TakeUsage = (ports: Ports, sender: Sender, batch: UsageBatch) => Promise<UsageAnswer>;

/**
 * The desk of one courier of one process. Nothing that it holds outlives a batch of heartbeats. With a mailbox,
 * heartbeats carry questions and answers.
 */
export function createDesk(ports: Ports, takeUsage: TakeUsage, mailbox?: Mailbox): Desk {
  const takeHeartbeat = createHeartbeatIntake(ports);
  const raise = createReplicaAlarm(ports);
  const beat = service(Heartbeat, async (sender, heartbeat) => {
    const { orgId, replicaId } = sender;
    mailbox?.deliver(sender, heartbeat.answers ?? []).catch((error: unknown) => {
      // A failed query's own message carries its parameters, which are a gateway's log.
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "unknown";
      ports.log.warn({ cause, replica: replicaId }, "the answers of a replica were not passed on");
    });
    const said = { replicaId, heartbeat, queries: mailbox?.take(replicaId) ?? [] };
    const answer = (await takeHeartbeat(orgId, said)) ?? (await detachmentOf(ports, orgId, replicaId));
    if (answer === undefined) void raise(sender, "replica_conflict");
    else if (heartbeat.stateDamaged === true) void raise(sender, "state_damaged");
    return answer ?? null;
  });
  return {
    heartbeat: { ...beat, tellsDetached: true },
    sync: service(SyncRequest, async (sender, request) =>
      JSON.stringify(await answerSync(ports, sender, request)),
    ),
    page: service(
      PageRequest,
      async ({ orgId }, { sha256 }) => (await readPage(ports, orgId, sha256)) ?? null,
    ),
    usage: service(UsageBatch, async (sender, batch) =>
      JSON.stringify(await takeUsage(ports, sender, batch)),
    ),
    escrow: service(Ask, async (sender, ask) => {
      const answer = await answerAsk(ports, sender, ask);
      return answer === null ? null : JSON.stringify(answer);
    }),
  };
}

function service<B>(
  schema: z.ZodType<B>,
  serve: (sender: Sender, body: B) => Promise<string | null>,
): Service {
  return { schema, serve: (sender, body) => serve(sender, body as B) };
}
