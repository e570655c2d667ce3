/** Many keys at once, as part of a change of what they belong to. */
import { type ApiProblem, problem } from "@claviger/shared/api/problem";
import type { Change } from "@claviger/shared/wire/record";
import { and, eq } from "drizzle-orm";
import { jsonBytes } from "../db/json-size.ts";
import { apiKey } from "../db/tables/api-key.ts";
import type { Tx } from "../fleet/journal.ts";
import { type KeyRow, putKey } from "./record.ts";
import { endGraces } from "./set-status.ts";

/** What one delta takes (PROTOCOL §2.1): 256 KiB, less what stands around the keys. */
const KEYS_MAX = 200;
const BYTES_MAX = 240_000;

/** Moves keys to a status that admits nothing; keys that are already further down stay where they are. */
export async function endAll(
  tx: Tx,
  orgId: string,
  keys: readonly KeyRow[],
  status: "deleted" | "inactive",
  revision: string,
): Promise<Change[]> {
  const moving = keys.filter((key) => status === "deleted" || key.status === "active");
  if (moving.length > KEYS_MAX) throw tooMany(moving.length);
  const changes: Change[] = [];
  for (const key of moving) {
    const hashes = status === "deleted" ? endGraces(key.hashes) : key.hashes;
    const after = { ...key, status, hashes, revision, statusRevision: revision };
    await tx
      .update(apiKey)
      .set(after)
      .where(and(eq(apiKey.orgId, orgId), eq(apiKey.id, key.id)));
    changes.push(putKey(after));
  }
  if (jsonBytes(changes) > BYTES_MAX) throw tooMany(moving.length);
  return changes;
}

function tooMany(count: number): ApiProblem {
  return problem(
    "state_conflict",
    `This ends ${count} API keys, more than one change takes. End some of them first.`,
  );
}
