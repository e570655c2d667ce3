/** The control plane's side of the bus: heartbeats, syncs, pages, usage and questions for money of every organization's replicas. */
import { controlSubjects } from "@claviger/shared/wire/subjects";
import type { Ports } from "../ports.ts";
import type { BusMessage, FleetBus } from "./bus.ts";
import { createDesk, type Service, type TakeUsage } from "./desk.ts";
import { readMessage } from "./read-message.ts";
import { countRefusal } from "./refusals.ts";
import { createSenders, isAttached, type Sender } from "./senders.ts";

/** One process of the control plane answers each message. */
const QUEUE = "cp";

/** Answers replicas until the returned function is called. What cannot be read gets no answer and is counted. */
export function serveFleet(ports: Ports, bus: FleetBus, takeUsage: TakeUsage): () => void {
  const senders = createSenders(ports);
  const { heartbeat, sync, page, usage, escrow } = createDesk(ports, takeUsage);
  const services: [subject: string, service: Service][] = [
    [controlSubjects.heartbeats, heartbeat],
    [controlSubjects.syncs, sync],
    [controlSubjects.pages, page],
    [controlSubjects.usage, usage],
    [controlSubjects.escrow, escrow],
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
  { schema, serve, tellsDetached }: Service,
  message: BusMessage,
): Promise<void> {
  const refuse = (code: string, fields: object = {}) =>
    countRefusal(ports, "bus", code, { subject: message.subject, ...fields });
  try {
    const sender = await senders(message.subject);
    if (sender === undefined) return refuse("unknown_account");
    if (tellsDetached !== true && !(await isAttached(ports, sender))) return refuse("invalid_replica");
    const read = readMessage(message.body, schema);
    if (read.kind === "refused") return refuse(read.code, { why: read.why });
    const reply = await serve(sender, read.value);
    if (reply === null) refuse("unanswered");
    else message.respond(reply);
  } catch (error) {
    refuse("failed", { err: error });
  }
}
