import { connect, createServer, type Server, type Socket } from "node:net";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type {} from "../../../infra/testing/context.ts";
import { createDatabase, type TestDatabase } from "../../../infra/testing/database.ts";
import { type OpenDatabase, openDatabase, pauseBefore } from "../db/database.ts";
import { failureResponse } from "../http/refuse.ts";

let database: TestDatabase;
let open: OpenDatabase;
let door: Server;
let port = 0;
const sockets = new Set<Socket>();

beforeAll(async () => {
  database = await createDatabase(inject("postgresUrl"));
  const to = new URL(database.url);
  door = createServer((socket) => {
    const upstream = connect(Number(to.port || 5432), to.hostname);
    for (const each of [socket, upstream]) {
      sockets.add(each);
      each.on("error", () => undefined);
    }
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  port = (door.address() as { port: number }).port;
  const url = new URL(database.url);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  open = openDatabase(url.href, 2);
});
afterAll(async () => {
  await open?.close();
  for (const socket of sockets) socket.destroy();
  door?.close();
  await database?.drop();
});

const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function answer(): Promise<(number | string | null)[]> {
  try {
    await open.db.transaction((tx) => tx.execute(sql`select 1`));
    return [200];
  } catch (error) {
    const response = failureResponse(error, "json-api", "req_000000000001", silent);
    return [response.status, response.headers.get("retry-after")];
  }
}

test("a database that is away is a 503 that says when to come back, and is used again as soon as it is there", async () => {
  expect(await answer()).toEqual([200]);
  const closed = new Promise((resolve) => door.close(resolve));
  for (const socket of sockets) socket.destroy();
  await closed;
  for (let i = 0; i < 6; i += 1) expect(await answer()).toEqual([503, "5"]);
  await new Promise<void>((resolve) => door.listen(port, "127.0.0.1", resolve));
  await expect.poll(answer, { timeout: 30_000 }).toEqual([200]);
  const pauses = Array.from({ length: 100 }, (_, attempt) => pauseBefore(attempt));
  expect(Math.max(...pauses)).toBe(1);
});
