/**
 * Rotation of an organization's data key, in two steps, because a gateway that gets a record before its key cannot call
 * the provider: first the new key travels with the answers to heartbeats, later all credentials move to it at once.
 */
import type { Change, SecretRecord } from "@claviger/shared/wire/record";
import { and, eq, inArray, sql } from "drizzle-orm";
import { dataKey } from "../db/tables/data-key.ts";
import { llmKey } from "../db/tables/llm-key.ts";
import { mcpServer } from "../db/tables/mcp-server.ts";
import { orgRecord } from "../db/tables/org-record.ts";
import type { Ports } from "../ports.ts";
import { liveDataKeys, reseal } from "./data-key.ts";
import { journaled, type Tx } from "./journal.ts";
import type { JournalEntry } from "./journal-types.ts";

/** Three heartbeats: every gateway that is there has been given the key by then. */
const SPREAD_MS = 36_000;
/** Credentials of one revision; a delta has to stay below its size. */
const RECORDS_MAX = 150;

const SYSTEM = { kind: "system", id: "system", name: "data key rotation" } as const;

/** Moves the credentials of every organization whose newest data key has had time to spread. */
export async function rotateDataKeys(ports: Ports, spreadMs = SPREAD_MS): Promise<void> {
  const waiting = await ports.db.execute<{ org_id: string }>(sql`
    select org_id from data_key where retired_at is null
    group by org_id
    having count(*) > 1 and max(created_at) < clock_timestamp() - ${spreadMs} * interval '1 millisecond'`);
  for (const { org_id: orgId } of waiting) {
    while ((await moveSome(ports, orgId)) > 0);
  }
}

/** Returns how many credentials moved; the older keys retire with the last of them. */
async function moveSome(ports: Ports, orgId: string): Promise<number> {
  const { value } = await journaled(ports, orgId, async (tx) => {
    const keys = await liveDataKeys(tx, orgId);
    const to = keys.at(-1);
    if (to === undefined) throw new Error("organization without a data key");
    const old = await recordsNotUnder(tx, orgId, to.id);
    const moved: SecretRecord[] = [];
    for (const record of old.slice(0, RECORDS_MAX)) {
      const from = keys.find((key) => key.id === record.dataKeyId);
      if (from === undefined) throw new Error("a credential names a data key that is not kept");
      moved.push(await reseal(ports, { from, to }, record));
    }
    if (moved.length === old.length)
      await retire(
        tx,
        keys.slice(0, -1).map((key) => key.id),
      );
    await store(tx, orgId, moved);
    return { value: moved.length, entry: moved.length === 0 ? null : entryOf(moved) };
  });
  return value;
}

async function recordsNotUnder(tx: Tx, orgId: string, keyId: string): Promise<SecretRecord[]> {
  const rows = await tx
    .select({ record: orgRecord.record })
    .from(orgRecord)
    .where(
      and(
        eq(orgRecord.orgId, orgId),
        eq(orgRecord.kind, "secret"),
        sql`${orgRecord.record}->>'dataKeyId' <> ${keyId}`,
      ),
    );
  return rows.map(({ record }) => record as SecretRecord);
}

async function retire(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx
    .update(dataKey)
    .set({ retiredAt: sql`clock_timestamp()` })
    .where(inArray(dataKey.id, [...ids]));
}

/** The noun keeps the sealed credential too, for its later changes. */
async function store(tx: Tx, orgId: string, records: readonly SecretRecord[]): Promise<void> {
  for (const sealed of records) {
    const noun = sealed.id.startsWith("mcp_") ? mcpServer : llmKey;
    await tx
      .update(noun)
      .set({ sealed })
      .where(and(eq(noun.orgId, orgId), eq(noun.id, sealed.id)));
  }
}

function entryOf(records: readonly SecretRecord[]): JournalEntry {
  const changes = records.map((record): Change => ({ op: "put", kind: "secret", id: record.id, record }));
  return { actor: SYSTEM, action: "data-key.rotate", effect: "neutral", changes, keys: [] };
}
