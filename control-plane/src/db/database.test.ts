import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { sql } from "drizzle-orm";
import { afterEach, expect, test } from "vitest";
import { openDatabase } from "./database.ts";

/** “You are in”, and “ask”: what a PostgreSQL server says after a start-up message. */
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that lets everybody in and breaks every connection at its first question. */
async function breaking(): Promise<string> {
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(WELCOME);
      socket.once("data", () => socket.resetAndDestroy());
    });
  });
  const listening = server;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return `postgres://somebody@127.0.0.1:${(listening.address() as AddressInfo).port}/db`;
}

test("a connection that breaks while it is being made fails the query that waits for it, and not the process", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  const { db, close } = openDatabase(await breaking(), 2);
  try {
    for (let n = 0; n < 3; n++) await expect(db.execute(sql`select 1`)).rejects.toThrow();
    // Node tells of a rejection that nobody has taken after the turn in which it came.
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
    await close();
  }
});
