import postgres from "postgres";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type {} from "../../../../infra/testing/context.ts";
import { createDatabase, type TestDatabase } from "../../../../infra/testing/database.ts";
import { recordingLog } from "../../fleet/testing/control-plane.ts";
import { openWake } from "./postgres.ts";

let database: TestDatabase;
let sql: postgres.Sql;

beforeAll(async () => {
  database = await createDatabase(inject("postgresUrl"));
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  await sql?.end({ timeout: 1 });
  await database?.drop();
});

test("who listens is woken by its channel, told of a lost connection, and woken again afterwards", async () => {
  const wake = await openWake(database.url, recordingLog());
  const heard: string[] = [];
  let next = () => {};
  const off = wake.on("operation", (payload) => {
    heard.push(payload);
    next();
  });
  const one = () =>
    new Promise<void>((resolve) => {
      next = resolve;
    });
  let waiting = one();
  await sql`select pg_notify('change', 'not for us'), pg_notify('operation', 'org_a')`;
  await waiting;
  waiting = one();
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'claviger-wake' and datname = current_database()`;
  await waiting;
  waiting = one();
  await sql`select pg_notify('operation', 'org_b')`;
  await waiting;
  expect(heard).toEqual(["org_a", "", "org_b"]);
  off();
  await sql`select pg_notify('operation', 'org_c')`;
  await wake.close();
  expect(heard).toHaveLength(3);
});
