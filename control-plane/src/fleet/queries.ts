/** Questions to gateways (PROTOCOL §2.2, query): signed, sent both ways, answered in parts to this process. */
import { AnswerPart, type Query } from "@claviger/shared/wire/query";
import { controlSubjects, senderOf } from "@claviger/shared/wire/subjects";
import type { Ports } from "../ports.ts";
import type { BusMessage, FleetBus } from "./bus.ts";
import { onAnswers, postQuestion } from "./mailbox.ts";
import { issueQueryId } from "./query-ids.ts";
import { accountOf } from "./senders.ts";

/** Rows that one answer may hold; a gateway that sends more is cut off. */
const PARTS_MAX = 64;

export type Ask = Ports["fleet"]["ask"];

interface Pending {
  account: string;
  replicaId: string;
  parts: Map<number, AnswerPart>;
  settle(rows: unknown[] | undefined): void;
}

type AskPorts = Pick<Ports, "db" | "wake" | "random" | "sign" | "log" | "vault" | "clock">;

/** Opens the inbox of this process; `ask` then sends one question to one replica and gathers its rows. */
export function createQueries(ports: AskPorts, bus: FleetBus): { ask: Ask; stop(): void } {
  const cp = Buffer.from(ports.random(9)).toString("base64url");
  const pending = new Map<string, Pending>();
  const offBus = bus.subscribe(controlSubjects.answers(cp), null, (message) => {
    try {
      takeMessage(pending, message);
    } catch (error) {
      ports.log.warn({ err: error, subject: message.subject }, "an answer could not be read");
    }
  });
  const awaited = (replicaId: string, id: string) => pending.get(id)?.replicaId === replicaId;
  const offMail = onAnswers(ports, awaited, (_replicaId, id, part) => {
    const waiting = pending.get(id);
    if (waiting !== undefined) takePart(waiting, part);
  });
  const ask: Ask = async (orgId, replicaId, question, timeoutMs) => {
    const account = await accountOf(ports, orgId);
    if (account === undefined) return undefined;
    const { id, untilMs } = await issueQueryId(ports, replicaId);
    const jws = await signQuery(ports, { v: 1, id, cp, replica: replicaId, untilMs, question });
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(undefined), timeoutMs);
      const settle = (rows: unknown[] | undefined) => {
        clearTimeout(timer);
        pending.delete(id);
        resolve(rows);
      };
      pending.set(id, { account, replicaId, parts: new Map(), settle });
      if (bus.connected) bus.publish(controlSubjects.own(account, replicaId), jws);
      postQuestion(ports, replicaId, jws).catch((error: unknown) => {
        ports.log.warn({ err: error, replica: replicaId }, "a question was asked over the bus alone");
      });
    });
  };
  const stop = () => {
    offBus();
    offMail();
  };
  return { ask, stop };
}

async function signQuery(ports: AskPorts, query: Query): Promise<string> {
  return ports.sign("clv-query+jws", new TextEncoder().encode(JSON.stringify(query)));
}

/** Only the replica that was asked can answer, because the server stamps its name. */
function takeMessage(pending: Map<string, Pending>, message: BusMessage): void {
  const waiting = pending.get(message.subject.split(".").at(-1) ?? "");
  const sender = senderOf(message.subject);
  if (waiting === undefined || sender === undefined) return;
  if (sender.account !== waiting.account || sender.replica !== waiting.replicaId) return;
  takePart(waiting, AnswerPart.parse(JSON.parse(new TextDecoder().decode(message.body))));
}

/** Parts may arrive in any order, and more than once. */
function takePart(waiting: Pending, part: AnswerPart): void {
  if (part.part >= PARTS_MAX) return waiting.settle(undefined);
  waiting.parts.set(part.part, part);
  const last = [...waiting.parts.values()].find((known) => !known.more);
  if (last === undefined || waiting.parts.size <= last.part) return;
  const inOrder = [...waiting.parts.values()].sort((a, b) => a.part - b.part);
  waiting.settle(inOrder.flatMap((known) => known.rows));
}
