/** The control plane's side of the bus: heartbeats, syncs, pages and usage of every organization's replicas. */
import { Heartbeat, PageRequest, SyncRequest } from "@claviger/shared/wire/heartbeat";
import { controlSubjects } from "@claviger/shared/wire/subjects";
import { type UsageAnswer, UsageBatch } from "@claviger/shared/wire/usage";
import type { Ports } from "../ports.ts";
import type { BusMessage, FleetBus } from "./bus.ts";
import { createHeartbeatIntake } from "./heartbeat.ts";
import { createSenders, type Sender } from "./senders.ts";
import { readPage } from "./snapshot.ts";
import { answerSync } from "./sync.ts";

/** One process of the control plane answers each message. */
const QUEUE = "cp";

/** Null: no answer. */
type Serve = (sender: Sender, body: unknown) => Promise<string | null>;

/** Usage is a room of its own. */
export type TakeUsage = (ports: Ports, sender: Sender, batch: UsageBatch) => Promise<UsageAnswer>;

/** Answers replicas until the returned function is called. What cannot be read gets no answer and a line in the log. */
export function serveFleet(ports: Ports, bus: FleetBus, takeUsage: TakeUsage): () => void {
  const senders = createSenders(ports);
  const takeHeartbeat = createHeartbeatIntake(ports);
  const services: [subject: string, serve: Serve][] = [
    [
      controlSubjects.heartbeats,
      async ({ orgId, replicaId }, body) =>
        takeHeartbeat(orgId, { replicaId, heartbeat: Heartbeat.parse(body) }),
    ],
    [
      controlSubjects.syncs,
      async ({ orgId }, body) => JSON.stringify(await answerSync(ports, orgId, SyncRequest.parse(body))),
    ],
    [
      controlSubjects.pages,
      async ({ orgId }, body) => (await readPage(ports, orgId, PageRequest.parse(body).sha256)) ?? null,
    ],
    [
      controlSubjects.usage,
      async (sender, body) => JSON.stringify(await takeUsage(ports, sender, UsageBatch.parse(body))),
    ],
  ];
  const stops = services.map(([subject, serve]) =>
    bus.subscribe(subject, QUEUE, (message) => void answer(ports, senders, serve, message)),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

async function answer(
  ports: Ports,
  senders: (subject: string) => Promise<Sender | undefined>,
  serve: Serve,
  message: BusMessage,
): Promise<void> {
  try {
    const sender = await senders(message.subject);
    if (sender === undefined) throw new Error("an account that no organization has");
    const body: unknown = JSON.parse(new TextDecoder().decode(message.body));
    const reply = await serve(sender, body);
    if (reply !== null) message.respond(reply);
  } catch (error) {
    ports.log.warn({ err: error, subject: message.subject }, "a message of a replica was not answered");
  }
}
