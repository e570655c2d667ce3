import { setImmediate } from "node:timers/promises";
import { createSign, createVerify, type MessageType } from "@claviger/shared/wire/sign";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { createAnswering } from "./answer.ts";

const REPLICA = "rep_000000000001";
const question = { v: 1, id: "q", cp: "cp", replica: REPLICA, question: { kind: "logs", limit: 1 } };

let signed: (type: MessageType, payload: unknown) => Promise<string>;
let forged: typeof signed;
let verify: Awaited<ReturnType<typeof createVerify>>;
let counts: Record<string, number>;
let asked: number;
let answered: number;
let take: (jws: string) => void;
let release: () => void;

beforeAll(async () => {
  const signer = async () => {
    const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
    if (!("privateKey" in pair)) throw new Error("a pair was expected");
    const { x = "" } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const sign = createSign(pair.privateKey, "cp-1");
    const of = (type: MessageType, payload: unknown) =>
      sign(type, new TextEncoder().encode(JSON.stringify(payload)));
    return { x, of };
  };
  const [own, other] = [await signer(), await signer()];
  [signed, forged] = [own.of, other.of];
  verify = await createVerify([{ kid: "cp-1", x: own.x }]);
});

beforeEach(() => {
  counts = {};
  asked = 0;
  answered = 0;
  const held = Promise.withResolvers<void>();
  release = held.resolve;
  take = createAnswering({
    verify,
    replicaId: REPLICA,
    store: {
      query: async () => {
        asked += 1;
        await held.promise;
        return [];
      },
    } as never,
    courier: {
      answer: async () => {
        answered += 1;
      },
    },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    drop: (code) => {
      counts[code] = (counts[code] ?? 0) + 1;
    },
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await setImmediate();
}

test("a question that is forged, cut, another's or of a later version is not asked of the store, and is counted", async () => {
  const good = await signed("clv-query+jws", question);
  const bad: [code: string, jws: string][] = [
    ["bad_signature", await forged("clv-query+jws", question)],
    ["bad_signature", await signed("clv-delta+jws", question)],
    ["bad_signature", good.slice(0, -8)],
    ["bad_signature", ""],
    ["bad_signature", "x".repeat(1_000_000)],
    ["unsupported", await signed("clv-query+jws", { ...question, v: 2 })],
    ["unsupported", await signed("clv-query+jws", { ...question, question: { kind: "everything" } })],
    ["unsupported", await signed("clv-query+jws", "text")],
    ["wrong_replica", await signed("clv-query+jws", { ...question, replica: "rep_000000000002" })],
  ];
  for (const [code, jws] of bad) {
    const before = counts[code] ?? 0;
    take(jws);
    await until(() => (counts[code] ?? 0) > before);
  }
  expect(counts).toEqual({ bad_signature: 5, unsupported: 3, wrong_replica: 1 });
  expect([asked, answered]).toEqual([0, 0]);
  release();
  take(good);
  await until(() => answered === 1);
  expect(counts).toEqual({ bad_signature: 5, unsupported: 3, wrong_replica: 1 });
});

test("questions beyond four at once are counted and let go", async () => {
  const good = await signed("clv-query+jws", question);
  for (let i = 0; i < 10; i++) take(good);
  expect(counts).toEqual({ busy: 6 });
  release();
  await until(() => answered === 4);
});
