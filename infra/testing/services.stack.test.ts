import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import postgres from "postgres";
import { expect, inject, test } from "vitest";
import { startNats } from "../local/nats-server.ts";
import { findFreePort } from "../local/ports.ts";
import { createDatabase } from "./database.ts";

test("two tests' databases share nothing, are UTF-8 with C order, and leave nothing behind", async () => {
  const one = await createDatabase(inject("postgresUrl"));
  const two = await createDatabase(inject("postgresUrl"));
  const sqlOne = postgres(one.url, { max: 1 });
  const sqlTwo = postgres(two.url, { max: 1 });
  await sqlOne`create table only_here (word text)`;
  const [found] = await sqlTwo`select to_regclass('only_here') is not null as there`;
  expect(found?.there).toBe(false);
  const words = await sqlOne`select * from (values ('b'), ('é'), ('B')) as words (word) order by word`;
  expect(words.map((row) => row.word)).toEqual(["B", "b", "é"]);
  // With a client still connected: dropping must not wait for it.
  await one.drop();
  await two.drop();
  await Promise.allSettled([sqlOne.end({ timeout: 1 }), sqlTwo.end({ timeout: 1 })]);
  const admin = postgres(inject("postgresUrl"), { max: 1 });
  const names = [one.url, two.url].map((url) => new URL(url).pathname.slice(1));
  expect(await admin`select 1 from pg_database where datname in ${admin(names)}`).toHaveLength(0);
  await admin.end();
});

test("a wrong password is refused over TCP", async () => {
  const url = new URL(inject("postgresUrl"));
  url.password = "wrong";
  const sql = postgres(url.href, { max: 1 });
  await expect(sql`select 1`).rejects.toMatchObject({ code: "28P01" });
  await sql.end();
});

test("startNats resolves when clients can connect, and stop ends the process", async () => {
  const dir = mkdtempSync(join(tmpdir(), "claviger-nats-"));
  const port = await findFreePort();
  const configFile = join(dir, "nats.conf");
  writeFileSync(configFile, `host: 127.0.0.1\nport: ${port}\n`);
  const server = await startNats({ binary: inject("natsServerBinary"), configFile, port });
  const client = await connect({ servers: server.url, reconnect: false });
  await client.flush();
  const closed = client.closed();
  await server.stop();
  await closed;
  expect(() => process.kill(server.pid, 0)).toThrow();
  rmSync(dir, { recursive: true });
});
