/** What is known of a server's offers from one record of it to the next. */
import { buildMcpServer, fakeDigest } from "@claviger/shared/testing/records";
import { expect, test } from "vitest";
import { type Offer, Sightings } from "./sightings.ts";

const A: Offer = { kind: "tool", name: "a", hash: fakeDigest("a") };
const pinOf = ({ kind, name, hash }: Offer) => ({ kind, name, hash: hash ?? null });
const server = buildMcpServer({ newOffers: "pending", pins: [pinOf(A)] });

test("what was seen goes on when another tool is accepted, and is not believed of another address or credential", async () => {
  let looks = 0;
  const sightings = new Sightings(
    async () => {
      looks++;
      return [A];
    },
    () => 0,
  );
  await sightings.know(server);
  const next = { ...server, pins: [pinOf(A), { kind: "tool" as const, name: "b", hash: fakeDigest("b") }] };
  expect(sightings.hashOf(next)("tool", "a")).toBe(A.hash);
  for (const other of [{ url: "https://other.example.com/mcp" }, { secretVersion: 7 }]) {
    expect(sightings.hashOf({ ...next, ...other })("tool", "a")).toBeUndefined();
  }
  // Whoever asks anew has it looked at anew.
  await sightings.know(next);
  expect(looks).toBe(2);
});

test("what nobody has decided about is not remembered, however much of it passes by", async () => {
  const sightings = new Sightings(
    async () => [],
    () => 0,
  );
  for (let n = 0; n < 100; n++) sightings.saw(server, { ...A, kind: "resource", name: `file:///${n}` });
  sightings.saw(server, A);
  expect(sightings.hashOf(server)("resource", "file:///7")).toBeUndefined();
  expect(sightings.hashOf(server)("tool", "a")).toBe(A.hash);
});

test("a change that is told of during a look is looked at", async () => {
  let looks = 0;
  const sightings: Sightings = new Sightings(
    async () => {
      if (++looks === 1) sightings.outdated(server);
      return [A];
    },
    () => 0,
  );
  await sightings.know(server);
  await sightings.know(server);
  await sightings.know(server);
  expect(looks).toBe(2);
});
