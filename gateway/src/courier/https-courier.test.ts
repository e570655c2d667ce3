import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { courierHeaders, isSignedBy, readCallClaim } from "@claviger/shared/wire/courier-call";
import { createUser } from "@nats-io/nkeys";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HttpsCourier } from "./https-courier.ts";

type Handle = (incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer) => void;
let handle: Handle;
let server: Server;
let url = "";
let aheadMs = 0;
const user = createUser();
const nkey = user.getPublicKey();

beforeEach(async () => {
  aheadMs = 0;
  server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    handle(incoming, outgoing, Buffer.concat(chunks));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const courier = (path = "") =>
  new HttpsCourier({
    controlPlaneUrl: `${url}${path}`,
    nkey,
    sign: (bytes) => user.sign(bytes),
    wallMs: () => Date.now() + aheadMs,
  });

const claimOf = (incoming: IncomingMessage) =>
  readCallClaim((name) => {
    const value = incoming.headers[name];
    return typeof value === "string" ? value : null;
  });

const refusal = (code: string) => JSON.stringify({ error: { message: "m", type: "t", param: null, code } });

test("each call is signed by the replica's nkey over exactly what is sent, with a nonce of its own", async () => {
  const nonces = new Set<string>();
  handle = async (incoming, outgoing, body) => {
    const claim = claimOf(incoming);
    const content = { method: incoming.method ?? "", target: incoming.url ?? "", body };
    const holds = claim !== undefined && (await isSignedBy(publicKeyOf(nkey), content, claim));
    nonces.add(claim?.nonce ?? "");
    outgoing.end(JSON.stringify({ poke: holds, what: `${incoming.method} ${incoming.url} ${body.length}` }));
  };
  const made = courier();
  const said = (bytes: Uint8Array | string) =>
    JSON.parse(typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes));
  const body = new TextEncoder().encode('{"a":1}');
  expect(said(await made.heartbeat(body))).toEqual({ poke: true, what: "POST /gateway/v1/heartbeat 7" });
  expect(said(await made.sync(body))).toEqual({ poke: true, what: "POST /gateway/v1/sync 7" });
  expect(said(await made.usage(body))).toEqual({ poke: true, what: "POST /gateway/v1/usage 7" });
  expect(said(await made.page("h-_"))).toEqual({ poke: true, what: "GET /gateway/v1/pages/h-_ 0" });
  expect(await made.wait({ epoch: 2, rev: 71 }, new AbortController().signal)).toBe(true);
  expect(nonces.size).toBe(5);
});

test("behind a proxy with a path of its own, what is signed is what the control plane sees", async () => {
  let holds = false;
  handle = async (incoming, outgoing, body) => {
    const claim = claimOf(incoming);
    const content = { method: "POST", target: incoming.url?.replace("/cp", "") ?? "", body };
    holds = claim !== undefined && (await isSignedBy(publicKeyOf(nkey), content, claim));
    outgoing.end("jws");
  };
  expect(await courier("/cp").heartbeat(new Uint8Array([1]))).toBe("jws");
  expect(holds).toBe(true);
});

test("refused for its clock, it signs once more with the time that it was told, and goes on with it", async () => {
  aheadMs = -86_400_000;
  const times: number[] = [];
  handle = (incoming, outgoing) => {
    const timeMs = Number(claimOf(incoming)?.time);
    times.push(timeMs);
    const known = Math.abs(timeMs - Date.now()) < 300_000;
    outgoing.setHeader(courierHeaders.time, String(Date.now()));
    outgoing.writeHead(known ? 200 : 401).end(known ? "jws" : refusal("replica_clock"));
  };
  const made = courier();
  expect(await made.heartbeat(new Uint8Array())).toBe("jws");
  expect(await made.heartbeat(new Uint8Array())).toBe("jws");
  expect(times.map((timeMs) => Math.abs(timeMs - Date.now()) < 10_000)).toEqual([false, true, true]);
  // A time that is none is not believed, and nobody is asked for ever.
  times.length = 0;
  handle = (incoming, outgoing) => {
    times.push(Number(claimOf(incoming)?.time));
    outgoing.setHeader(courierHeaders.time, "tomorrow");
    outgoing.writeHead(401).end(refusal("replica_clock"));
  };
  await expect(made.heartbeat(new Uint8Array())).rejects.toMatchObject({ code: "replica_clock" });
  expect(times).toHaveLength(2);
});

test.each([
  [401, refusal("invalid_replica"), "invalid_replica"],
  [409, refusal("replica_conflict"), "replica_conflict"],
  [502, "<html>", "unknown"],
])("an answer %i is a refusal with its code", async (status, body, code) => {
  handle = (_incoming, outgoing) => void outgoing.writeHead(status).end(body);
  await expect(courier().sync(new Uint8Array())).rejects.toMatchObject({ name: "CourierRefusal", code });
});

test("a redirection is not followed, and an endless answer is not read to its end", async () => {
  handle = (_incoming, outgoing) => void outgoing.writeHead(307, { location: "http://127.0.0.1:1/" }).end();
  await expect(courier().sync(new Uint8Array())).rejects.toThrow();
  handle = (_incoming, outgoing) => {
    const pump = () => {
      while (!outgoing.destroyed && outgoing.write(Buffer.alloc(65_536)));
    };
    outgoing.on("drain", pump);
    pump();
  };
  await expect(courier().sync(new Uint8Array())).rejects.toThrow("too large");
});

test("closing ends what is under way, and whoever waits can be stopped alone", async () => {
  const asked = Promise.withResolvers<void>();
  handle = () => asked.resolve();
  const made = courier();
  const stop = new AbortController();
  const wait = made.wait({ epoch: 1, rev: 1 }, stop.signal);
  await asked.promise;
  stop.abort();
  await expect(wait).rejects.toThrow();
  const beat = made.heartbeat(new Uint8Array());
  made.close();
  await expect(beat).rejects.toThrow("closed");
});

/** The 32 bytes of a public nkey: base32 of a prefix byte, the key and a checksum. */
function publicKeyOf(text: string): Uint8Array {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...text].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const all = Array.from({ length: 35 }, (_, n) => Number.parseInt(bits.slice(n * 8, n * 8 + 8), 2));
  return new Uint8Array(all.slice(1, 33));
}
