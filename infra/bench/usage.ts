/**
 * `npm run bench -- usage [seconds]`: usage events that one control plane takes in per second, with a real PostgreSQL that
 * syncs to disk. Batches of 500 as replicas send them: parsed, checked, counted in every grain and committed; four replicas
 * at once, a hundred keys.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, openDatabase } from "@claviger/control-plane/db/database";
import { migrate } from "@claviger/control-plane/db/migrate";
import { takeUsage } from "@claviger/control-plane/usage/intake";
import { makeEvent } from "@claviger/control-plane/usage/testing/events";
import { UsageBatch } from "@claviger/shared/wire/usage";
import openClient from "postgres";
import { findFreePort } from "../local/ports.ts";
import { startPostgres } from "../local/postgres.ts";
import { judge } from "./parts/verdict.ts";

const SECONDS = Number(process.argv[2] ?? 15);
const WARM_SECONDS = 3;
const REPLICAS = 4;
const KEYS = 100;
const BATCH = 500;

const dir = mkdtempSync(join(tmpdir(), "claviger-bench-usage-"));
const postgres = await startPostgres({ dir, port: await findFreePort(), password: "of-a-bench-only" });
try {
  await migrate(postgres.url);
  const { db, close } = openDatabase(postgres.url, 8);
  const sql = openClient(postgres.url, { max: 1 });
  try {
    await measure(db, sql);
  } finally {
    await Promise.all([close(), sql.end()]);
  }
} finally {
  await postgres.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function measure(db: Database, sql: openClient.Sql): Promise<void> {
  const ids = Array.from({ length: REPLICAS }, (_, n) => `rep_${String(n).padStart(12, "0")}`);
  const columns = await sql<{ name: string; type: string }[]>`
    select column_name as name, data_type as type from information_schema.columns
    where table_name = 'replica' and is_nullable = 'NO' and column_default is null`;
  for (const id of ids) await insertReplica(sql, id, columns);
  let taken = 0;
  const run = async (replicaId: string, nth: number) => {
    const sender = { orgId: "org_000000000000", replicaId };
    const untilMs = performance.now() + (WARM_SECONDS + SECONDS) * 1_000;
    for (let seq = 1; performance.now() < untilMs; seq += BATCH) {
      const cursor = await take(db, sender, seq, nth);
      if (cursor !== seq + BATCH - 1) throw new Error(`the cursor stands at ${cursor}`);
      taken += BATCH;
    }
  };
  const all = Promise.all(ids.map(run));
  await new Promise((resolve) => setTimeout(resolve, WARM_SECONDS * 1_000));
  const [since, before] = [performance.now(), taken];
  await all;
  const perSecond = ((taken - before) / (performance.now() - since)) * 1_000;
  const [row] = await sql<{ n: string }[]>`
    select sum(requests + refused / 3) as n from usage_rollup where grain = 'day'`;
  if (Number(row?.n) !== taken) throw new Error(`${row?.n} of ${taken} events are in the roll-ups`);
  console.log(`${REPLICAS} replicas, ${KEYS} keys, batches of ${BATCH}, ${SECONDS} s, PostgreSQL syncs:`);
  judge([
    { what: "usage events taken in", value: perSecond, unit: "/s", is: "≥", toReach: 5_000, stretch: 20_000 },
  ]);
}

/** As a courier does it: from the bytes of the batch to the committed cursor. */
async function take(
  db: Database,
  sender: { orgId: string; replicaId: string },
  seq: number,
  nth: number,
): Promise<number> {
  const events = Array.from({ length: BATCH }, (_, n) => {
    const seed = (seq + n) * 7 + nth;
    return makeEvent(seq + n, Date.now(), seed, `key_${String(seed % KEYS).padStart(12, "0")}`);
  });
  const batch = UsageBatch.parse(JSON.parse(JSON.stringify({ v: 1, events })));
  // Intake needs the database, a clock and a log, nothing else of a process.
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const clock = { nowMs: () => Date.now() };
  return (await takeUsage({ db, log, clock } as unknown as Parameters<typeof takeUsage>[0], sender, batch))
    .cursor;
}

/** A replica that is nothing but a sender of usage: every column that must be there is. */
async function insertReplica(
  sql: openClient.Sql,
  id: string,
  columns: readonly { name: string; type: string }[],
): Promise<void> {
  const value = ({ name, type }: { name: string; type: string }) => {
    if (name === "id") return `'${id}'`;
    if (name === "org_id") return "'org_000000000000'";
    if (type.startsWith("timestamp")) return "now()";
    if (type === "boolean") return "false";
    if (type === "jsonb") return "'{}'";
    return type === "text" ? `'${name}-${id}'` : "0";
  };
  const names = columns.map(({ name }) => name).join(", ");
  await sql.unsafe(`insert into replica (${names}) values (${columns.map(value).join(", ")})`);
}
