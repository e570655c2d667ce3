import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { expect, test } from "vitest";
import { findFreePort } from "./ports.ts";
import { ensureDatabase, postgresUrl, startPostgres } from "./postgres.ts";
import { processIdentity } from "./process-identity.ts";
import { waitUntil } from "./wait.ts";

const PASSWORD = "a password with / and @";

test("committed rows survive SIGKILL and a stale postmaster.pid, below a folder that only its owner may enter", async () => {
  const parent = mkdtempSync(join(tmpdir(), "claviger-postgres-"));
  chmodSync(parent, 0o700);
  const options = { dir: join(parent, "home"), port: await findFreePort(), password: PASSWORD };
  const first = await startPostgres(options);
  const sql = postgres(first.url, { max: 1, onclose: () => undefined });
  await sql`create table kept (word text)`;
  await sql`insert into kept values ('committed')`;
  process.kill(first.pid, "SIGKILL");
  await Promise.allSettled([sql.end({ timeout: 1 })]);
  expect(await waitUntil(async () => processIdentity(first.pid) === null, { timeoutMs: 30_000 })).toBe(true);

  // Its number now belongs to a process of ours that is no PostgreSQL.
  const pidFile = join(options.dir, "data", "postmaster.pid");
  writeFileSync(pidFile, readFileSync(pidFile, "utf8").replace(/^\d+/, String(process.pid)));
  const second = await startPostgres(options);
  const again = postgres(second.url, { max: 1 });
  expect(await again`select word from kept`).toEqual([{ word: "committed" }]);
  expect(await again`show synchronous_commit`).toEqual([{ synchronous_commit: "on" }]);
  await again.end();
  await second.stop();
  expect(statSync(parent).mode & 0o777).toBe(0o700);
  rmSync(parent, { recursive: true });
});

test("a server that a killed starter left on the folder is shut down, not refused", async () => {
  const dir = mkdtempSync(join(tmpdir(), "claviger-postgres-"));
  const options = { dir, port: await findFreePort(), password: PASSWORD, unsafe: true };
  const left = await startPostgres(options);
  const next = await startPostgres(options);
  expect(processIdentity(left.pid)).toBeNull();
  await ensureDatabase(next.url, "claviger");
  await ensureDatabase(next.url, "claviger");
  const sql = postgres(postgresUrl(options, "claviger"), { max: 1 });
  expect(await sql`select current_database() as name`).toEqual([{ name: "claviger" }]);
  await sql.end();
  await next.stop();
  rmSync(dir, { recursive: true });
});

test("a server that cannot start says why", async () => {
  const dir = mkdtempSync(join(tmpdir(), "claviger-postgres-"));
  const options = { dir, port: await findFreePort(), password: PASSWORD, settings: { wal_level: "absurd" } };
  await expect(startPostgres(options)).rejects.toMatchObject({
    message: "PostgreSQL did not become ready",
    detail: expect.stringContaining("wal_level"),
  });
  rmSync(dir, { recursive: true });
});
