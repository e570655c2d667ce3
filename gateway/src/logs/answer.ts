/**
 * Questions of the control plane: about logs and audit, answered from the local store, and whether a provider lets us in.
 * Answers go in parts of ≤ 256 KiB. The bargain: each is answered once and for a short time, because what the bus has
 * carried once it can bring again.
 */
import {
  type LlmKeyTest,
  type McpDiscovery,
  type McpOffer,
  Query,
  type Question,
} from "@claviger/shared/wire/query";
import type { Verify } from "@claviger/shared/wire/sign";
import type { Courier, Log, LogStore } from "../ports.ts";

const PART_BYTES_MAX = 256 * 1024;
/** Room for `{"part":…,"more":…,"rows":[…]}` around the rows. */
const PART_FRAME_BYTES = 64;
const RUNNING_MAX = 4;

export interface AnswerDeps {
  readonly store: LogStore;
  readonly courier: Pick<Courier, "answer">;
  readonly verify: Verify;
  readonly replicaId: string;
  readonly log: Log;
  /** The control plane's time as far as it is known; undefined before the first proof. */
  readonly nowMs: () => number | undefined;
  /** Asks the provider of an LLM key whether it lets us in; absent where nobody can be asked. */
  readonly tryProvider?: ((llmKeyId: string) => Promise<LlmKeyTest>) | undefined;
  /** Asks an MCP server what it offers; absent where nobody can be asked. */
  readonly discover?: ((serverId: string) => Promise<readonly [McpDiscovery, ...McpOffer[]]>) | undefined;
  /** Counts a message that gets no answer. */
  readonly drop: (code: string) => void;
}

/**
 * Takes untrusted query messages; what is not signed for this replica, or is over, or was answered before, is dropped
 * without an answer.
 */
export function createAnswering(deps: AnswerDeps): (jws: string) => void {
  const answered = createMemory();
  let running = 0;
  return (jws) => {
    if (running >= RUNNING_MAX) return deps.drop("busy");
    running++;
    answer(deps, answered, jws)
      .catch((error: unknown) => deps.log.warn({ err: error }, "query not answered"))
      .finally(() => {
        running--;
      });
  };
}

/** Ids until their moment; what is over is forgotten, because it is refused as such. */
interface Memory {
  /** False when it is known. */
  add(id: string, untilMs: number, nowMs: number): boolean;
  /** For one that got no answer and may come again by the other courier. */
  forget(id: string): void;
}

function createMemory(): Memory {
  const untilOf = new Map<string, number>();
  return {
    add(id, untilMs, nowMs) {
      for (const [known, knownUntilMs] of untilOf) if (knownUntilMs <= nowMs) untilOf.delete(known);
      if (untilOf.has(id)) return false;
      untilOf.set(id, untilMs);
      return true;
    },
    forget: (id) => untilOf.delete(id),
  };
}

async function answer(deps: AnswerDeps, answered: Memory, jws: string): Promise<void> {
  const { courier, verify, replicaId, drop } = deps;
  const payload = await verify("clv-query+jws", jws);
  if (payload === undefined) return drop("bad_signature");
  const { data: query } = Query.safeParse(parse(payload));
  if (query === undefined) return drop("unsupported");
  if (query.replica !== replicaId) return drop("wrong_replica");
  const nowMs = deps.nowMs();
  if (nowMs === undefined || nowMs >= query.untilMs) return drop("query_expired");
  if (!answered.add(query.id, query.untilMs, nowMs)) return drop("query_repeated");
  try {
    const rows = await rowsFor(deps, query.question);
    if (rows === undefined) return drop("unsupported");
    const parts = cutIntoParts(rows);
    for (const part of parts) await courier.answer(query.cp, query.id, part);
  } catch (error) {
    answered.forget(query.id);
    throw error;
  }
}

async function rowsFor(
  { store, tryProvider, discover }: AnswerDeps,
  question: Question,
): Promise<readonly unknown[] | undefined> {
  if (question.kind === "mcp-discover") return discover?.(question.serverId);
  if (question.kind !== "llm-test") return store.query(question);
  return tryProvider && [await tryProvider(question.llmKeyId)];
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** The encoded parts of an answer, at least one, each ≤ 256 KiB; a row that is larger alone is left out. */
export function cutIntoParts(rows: readonly unknown[]): Uint8Array[] {
  const groups: string[][] = [[]];
  let size = PART_FRAME_BYTES;
  const encoder = new TextEncoder();
  for (const row of rows) {
    const text = JSON.stringify(row);
    const bytes = encoder.encode(text).length + 1;
    if (bytes + PART_FRAME_BYTES > PART_BYTES_MAX) continue;
    if (size + bytes > PART_BYTES_MAX) {
      groups.push([]);
      size = PART_FRAME_BYTES;
    }
    groups.at(-1)?.push(text);
    size += bytes;
  }
  return groups.map((group, part) =>
    encoder.encode(`{"part":${part},"more":${part < groups.length - 1},"rows":[${group.join(",")}]}`),
  );
}
