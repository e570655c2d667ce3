/** Questions of the control plane about logs and audit, answered from the local store in parts of ≤ 256 KiB. */
import { Query } from "@claviger/shared/wire/query";
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
  /** Counts a message that gets no answer. */
  readonly drop: (code: string) => void;
}

/** Takes untrusted query messages; what is not signed for this replica is dropped without an answer. */
export function createAnswering(deps: AnswerDeps): (jws: string) => void {
  let running = 0;
  return (jws) => {
    if (running >= RUNNING_MAX) return deps.drop("busy");
    running++;
    answer(deps, jws)
      .catch((error: unknown) => deps.log.warn({ err: error }, "query not answered"))
      .finally(() => {
        running--;
      });
  };
}

async function answer(deps: AnswerDeps, jws: string): Promise<void> {
  const { store, courier, verify, replicaId, drop } = deps;
  const payload = await verify("clv-query+jws", jws);
  if (payload === undefined) return drop("bad_signature");
  const { data: query } = Query.safeParse(parse(payload));
  if (query === undefined) return drop("unsupported");
  if (query.replica !== replicaId) return drop("wrong_replica");
  const parts = cutIntoParts(await store.query(query.question));
  for (const part of parts) await courier.answer(query.cp, query.id, part);
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
