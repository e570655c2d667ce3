import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type {} from "../../../infra/testing/context.ts";
import { createDatabase } from "../../../infra/testing/database.ts";
import { openDatabase } from "../db/database.ts";
import { migrate } from "../db/migrate.ts";
import { createNonces, pruneNonces } from "./nonces.ts";

let base: Awaited<ReturnType<typeof createDatabase>>;
let processes: ReturnType<typeof openDatabase>[];

beforeAll(async () => {
  base = await createDatabase(inject("postgresUrl"));
  await migrate(base.url);
  processes = [openDatabase(base.url, 8), openDatabase(base.url, 8)];
});
afterAll(async () => {
  await Promise.all(processes.map(({ close }) => close()));
  await base.drop();
});

test("of a nonce that many processes are brought at once, one takes it, once", async () => {
  const takes = processes.map(({ db }) => createNonces(db));
  const all = await Promise.all(Array.from({ length: 40 }, (_, i) => takes[i % 2]?.("U1", "nonce")));
  expect(all.filter((taken) => taken === true)).toHaveLength(1);
  expect(await takes[0]?.("U2", "nonce")).toBe(true);
  expect(await takes[1]?.("U2", "nonce")).toBe(false);
});

test("a nonce outlives every clock that its call's time allows, and is forgotten then", async () => {
  const [{ db }] = processes as [(typeof processes)[0]];
  for (const minutes of [1, 19, 21]) {
    await db.execute(sql`
      insert into courier_nonce (nkey, nonce, at) values ('U3', ${`${minutes}`}, now() - ${minutes} * interval '1 minute')`);
  }
  await pruneNonces(db);
  const rows = await db.execute<{ nonce: string }>(
    sql`select nonce from courier_nonce where nkey = 'U3' order by at`,
  );
  expect(rows.map(({ nonce }) => nonce)).toEqual(["19", "1"]);
});

test("taking one leaves the connection as durable as it was", async () => {
  const { db, close } = openDatabase(base.url, 1);
  await db.execute(sql`set synchronous_commit = 'on'`);
  expect(await createNonces(db)("U4", "nonce")).toBe(true);
  const [row] = await db.execute<{ now: string }>(sql`select current_setting('synchronous_commit') as now`);
  expect(row?.now).toBe("on");
  await close();
});
