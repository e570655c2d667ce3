import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createUser } from "@nats-io/nkeys";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import "../../../../infra/testing/context.ts";
import { type StartedNats, startNats } from "../../../../infra/local/nats-server.ts";
import { findFreePort } from "../../../../infra/local/ports.ts";
import type { Courier, Log } from "../../ports.ts";
import { type BusCourier, createNatsCourier } from "./nats-courier.ts";

const REPLICA = "rep_000000000001";
const log = { debug() {}, info() {}, warn() {}, error() {} };
let dir = "";
let port = 0;
let server: StartedNats;
let other: NatsConnection;
let courier: Courier | undefined;

const start = () =>
  startNats({ binary: inject("natsServerBinary"), configFile: join(dir, "nats.conf"), port });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "clv-courier-"));
  port = await findFreePort();
  writeFileSync(join(dir, "nats.conf"), `host: 127.0.0.1\nport: ${port}\n`);
  server = await start();
  other = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
});

afterEach(async () => {
  await courier?.close();
  courier = undefined;
  await other.close();
  await server.stop();
  rmSync(dir, { recursive: true });
});

function makeCourier(told: Log = log): BusCourier {
  const seed = new TextDecoder().decode(createUser().getSeed());
  // An address that Node cannot speak to is left aside.
  const urls = ["ws://127.0.0.1:1", `nats://127.0.0.1:${port}`];
  const made = createNatsCourier({ urls, replica: REPLICA, jwt: "e30.e30.e30", seed }, told);
  courier = made;
  return made;
}

/** What arrives, and a way to wait for it. */
function inbox(of: Courier) {
  const seen: string[] = [];
  let wake = () => undefined as unknown;
  const note = (what: string) => {
    seen.push(what);
    wake();
  };
  of.listen({
    delta: (jws) => note(`delta ${jws}`),
    poke: () => note("poke"),
    query: (jws) => note(`query ${jws}`),
    detached: (jws) => note(`detached ${jws}`),
  });
  const until = async (isThere: () => boolean) => {
    while (!isThere()) await new Promise((resolve) => (wake = () => resolve(undefined)));
  };
  return { seen, until };
}

test("requests go to the replica's own subjects, and answers come back", async () => {
  const made = makeCourier();
  const { seen, until } = inbox(made);
  await until(() => seen.includes("poke"));
  for (const what of ["hb", "sync", "page", "use"]) {
    other.subscribe(`up.${REPLICA}.${what}`, {
      callback: (_, message) => void message.respond(`${what}:${message.string()}`),
    });
  }
  await other.flush();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  expect(await made.heartbeat(new TextEncoder().encode("beat"))).toBe("hb:beat");
  expect(text(await made.sync(new TextEncoder().encode("from")))).toBe("sync:from");
  expect(text(await made.page("hash"))).toBe('page:{"sha256":"hash"}');
  expect(text(await made.usage(new TextEncoder().encode("events")))).toBe("use:events");
});

test("changes, pokes and queries arrive, and so does the first poke of every connection", async () => {
  const { seen, until } = inbox(makeCourier());
  await until(() => seen.length === 1);
  other.publish("dn.d", "one");
  other.publish(`dn.gw.${REPLICA}`, "poke");
  other.publish(`dn.gw.${REPLICA}`, "a.b.c");
  other.publish("dn.gw.rep_000000000002", "poke");
  other.publish("dn.d", "two");
  await until(() => seen.includes("delta two"));
  expect([...seen].sort()).toEqual(["delta one", "delta two", "poke", "poke", "query a.b.c"]);
});

test("while nobody answers, a request fails at once; while the bus is away, too", async () => {
  const made = makeCourier();
  await expect(made.heartbeat(new Uint8Array())).rejects.toThrow("not connected");
  const { seen, until } = inbox(made);
  await until(() => seen.length === 1);
  // The bus says that nobody listens; running into the request's own timeout would have another name.
  await expect(made.heartbeat(new Uint8Array())).rejects.toThrow(/no responders/i);
});

test("after the bus came back it listens again, without anybody's help, and asks what it missed", async () => {
  const { seen, until } = inbox(makeCourier());
  await until(() => seen.length === 1);
  await server.stop();
  server = await start();
  await until(() => seen.length === 2);
  expect(seen).toEqual(["poke", "poke"]);
  await other.flush();
  other.publish("dn.d", "after");
  await until(() => seen.includes("delta after"));
});

test("a frozen bus counts as gone while its connection stands, and is there again as soon as it thaws", async () => {
  const logged: string[] = [];
  const made = makeCourier({ ...log, info: (fields) => void logged.push(JSON.stringify(fields)) });
  const { seen, until } = inbox(made);
  await until(() => seen.length === 1);
  const turns: boolean[] = [];
  const turned = () => new Promise<void>((resolve) => made.onTurn((up) => resolve(void turns.push(up))));
  const gone = turned();
  server.kill("SIGSTOP");
  try {
    await gone;
  } finally {
    server.kill("SIGCONT");
  }
  await until(() => seen.length === 2);
  expect([made.connected, turns]).toEqual([true, [false, true]]);
  // The library's own pings would have broken the connection off, and much later.
  expect(logged.filter((line) => line.includes("disconnect"))).toEqual([]);
});

test("a bus that is not there yet is waited for, and closing ends the waiting", async () => {
  await server.stop();
  const { seen, until } = inbox(makeCourier());
  server = await start();
  await until(() => seen.includes("poke"));
  await courier?.close();
  courier = undefined;
  await server.stop();
  const made = makeCourier();
  await made.close();
  courier = undefined;
  server = await start();
});
