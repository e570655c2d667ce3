/**
 * Questions to replicas that hear of them over HTTPS, and the parts of their answers. The process that asks, the one that
 * the replica calls, and the one that hears its answer may be three, so both travel by NOTIFY: to all processes, kept
 * nowhere. Nobody knows by which courier a replica hears, so every question goes both ways; an answer that comes twice
 * counts once.
 */
import type { Heartbeat } from "@claviger/shared/wire/heartbeat";
import { AnswerPart } from "@claviger/shared/wire/query";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";
import { answerableUntil } from "./query-ids.ts";
import type { Sender } from "./senders.ts";

const QUESTION = "question:";
const ANSWER = "answer:";
/** A question that nobody fetched is forgotten after this long: who asked has given up, in milliseconds. */
const KEPT_MS = 3_000;
/** PostgreSQL takes less than 8 000 bytes in one notification. */
const PAYLOAD_BYTES_MAX = 7_900;
/** Of all parts that are passed on in answer to one question, as JSON; further ones are dropped. */
const ANSWER_BYTES_MAX = 2_097_152;
/** Of base64url; the rest is for what stands before it. */
const PIECE_CHARS = 7_600;

/** The replicas' side in one process. */
export interface Mailbox {
  /** Whether questions wait for this replica. */
  has(replicaId: string): boolean;
  /** The questions that wait for it, once. */
  take(replicaId: string): string[];
  /** Calls back when there is a question for it; returns the way to stop. */
  on(replicaId: string, callback: () => void): () => void;
  /** Passes its answers on to whoever asked; what nobody asked, or asks no longer, goes nowhere. */
  deliver(sender: Sender, answers: NonNullable<Heartbeat["answers"]>): Promise<void>;
}

type MailPorts = Pick<Ports, "db" | "wake" | "vault" | "clock">;

/** Makes a question known to all processes; one that does not fit reaches nobody. */
export async function postQuestion(ports: Pick<Ports, "db">, replicaId: string, jws: string): Promise<void> {
  const payload = `${QUESTION}${replicaId}:${jws}`;
  if (payload.length <= PAYLOAD_BYTES_MAX) await ports.db.execute(sql`select pg_notify('fleet', ${payload})`);
}

/** Opens the mailbox; it lives as long as the process. */
export function createMailbox(ports: MailPorts): Mailbox {
  const waiting = new Map<string, Set<string>>();
  const admit = createAdmission(ports);
  const listeners = new Map<string, Set<() => void>>();
  const forget = (replicaId: string, jws: string) => {
    const questions = waiting.get(replicaId);
    if (questions?.delete(jws) && questions.size === 0) waiting.delete(replicaId);
  };
  ports.wake.on("fleet", (payload) => {
    if (!payload.startsWith(QUESTION)) return;
    const [replicaId = "", jws = ""] = payload.slice(QUESTION.length).split(":");
    waiting.set(replicaId, (waiting.get(replicaId) ?? new Set()).add(jws));
    setTimeout(() => forget(replicaId, jws), KEPT_MS).unref();
    for (const callback of listeners.get(replicaId) ?? []) callback();
  });
  return {
    has: (replicaId) => waiting.has(replicaId),
    take(replicaId) {
      const questions = [...(waiting.get(replicaId) ?? [])];
      waiting.delete(replicaId);
      return questions;
    },
    on(replicaId, callback) {
      const known = listeners.get(replicaId) ?? new Set();
      listeners.set(replicaId, known.add(callback));
      return () => {
        known.delete(callback);
        if (known.size === 0 && listeners.get(replicaId) === known) listeners.delete(replicaId);
      };
    },
    async deliver({ replicaId }, answers) {
      const asked = await Promise.all(answers.map(({ id, part }) => admit(replicaId, id, part)));
      const payloads = answers.flatMap(({ id, part }, index) =>
        asked[index] === true ? piecesOf(`${ANSWER}${replicaId}:${id}`, part) : [],
      );
      if (payloads.length === 0) return;
      await ports.db.execute(
        sql`select pg_notify('fleet', p) from jsonb_array_elements_text(${JSON.stringify(payloads)}::jsonb) as p`,
      );
    },
  };
}

/** True for a part that answers a question of a control plane and stays below the size of an answer, by this process. */
function createAdmission(ports: MailPorts) {
  const bytesOf = new Map<string, number>();
  return async (replicaId: string, id: string, part: AnswerPart): Promise<boolean> => {
    const untilMs = await answerableUntil(ports, replicaId, id);
    if (untilMs === undefined) return false;
    const before = bytesOf.get(id);
    const bytes = (before ?? 0) + Buffer.byteLength(JSON.stringify(part));
    if (bytes > ANSWER_BYTES_MAX) return false;
    // After its moment the id counts for nothing, so what was counted for it can go.
    if (before === undefined) setTimeout(() => bytesOf.delete(id), untilMs - ports.clock.nowMs()).unref();
    bytesOf.set(id, bytes);
    return true;
  };
}

function piecesOf(address: string, part: AnswerPart): string[] {
  const text = Buffer.from(JSON.stringify(part)).toString("base64url");
  const count = Math.ceil(text.length / PIECE_CHARS);
  return Array.from({ length: count }, (_, n) => {
    const piece = text.slice(n * PIECE_CHARS, (n + 1) * PIECE_CHARS);
    return `${address}:${part.part}:${n}:${count}:${piece}`;
  });
}

/** Calls back with each part of an answer as soon as all of it has come. Returns the way to stop. */
export function onAnswers(
  ports: Pick<Ports, "wake" | "log">,
  isAwaited: (replicaId: string, id: string) => boolean,
  take: (replicaId: string, id: string, part: AnswerPart) => void,
): () => void {
  const gathering = new Map<string, string[]>();
  return ports.wake.on("fleet", (payload) => {
    const read = /^answer:([^:]+):([^:]+):([0-9]+):([0-9]+):([0-9]+):([A-Za-z0-9_-]+)$/.exec(payload);
    const [, replicaId = "", id = "", part = "", n = "", count = "", piece = ""] = read ?? [];
    if (read === null) return;
    const key = `${replicaId}:${id}:${part}`;
    if (!isAwaited(replicaId, id)) {
      gathering.delete(key);
      return;
    }
    const pieces = gathering.get(key) ?? [];
    pieces[Number(n)] = piece;
    gathering.set(key, pieces);
    // One transaction sent them, so they come in order and the last one is the end.
    if (Number(n) + 1 < Number(count)) return;
    gathering.delete(key);
    const parsed = AnswerPart.safeParse(parseJson(Buffer.from(pieces.join(""), "base64url").toString()));
    if (parsed.success) take(replicaId, id, parsed.data);
    else ports.log.warn({ replica: replicaId }, "an answer could not be read");
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
