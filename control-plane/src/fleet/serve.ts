/** The control plane's side of the bus: heartbeats, syncs, pages and usage of every organization's replicas. */
import { controlSubjects } from "@claviger/shared/wire/subjects";
import type { Ports } from "../ports.ts";
import type { BusMessage, FleetBus } from "./bus.ts";
import { createDesk, type Service, type TakeUsage } from "./desk.ts";
import { createSenders, type Sender } from "./senders.ts";

/** One process of the control plane answers each message. */
const QUEUE = "cp";

/** Answers replicas until the returned function is called. What cannot be read gets no answer and a line in the log. */
export function serveFleet(ports: Ports, bus: FleetBus, takeUsage: TakeUsage): () => void {
  const senders = createSenders(ports);
  const { heartbeat, sync, page, usage } = createDesk(ports, takeUsage);
  const services: [subject: string, service: Service][] = [
    [controlSubjects.heartbeats, heartbeat],
    [controlSubjects.syncs, sync],
    [controlSubjects.pages, page],
    [controlSubjects.usage, usage],
  ];
  const stops = services.map(([subject, service]) =>
    bus.subscribe(subject, QUEUE, (message) => void answer(ports, senders, service, message)),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

async function answer(
  ports: Ports,
  senders: (subject: string) => Promise<Sender | undefined>,
  { schema, serve }: Service,
  message: BusMessage,
): Promise<void> {
  try {
    const sender = await senders(message.subject);
    if (sender === undefined) throw new Error("an account that no organization has");
    const body: unknown = JSON.parse(new TextDecoder().decode(message.body));
    const reply = await serve(sender, schema.parse(body));
    if (reply !== null) message.respond(reply);
  } catch (error) {
    ports.log.warn({ err: error, subject: message.subject }, "a message of a replica was not answered");
  }
}
