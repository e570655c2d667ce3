import { setImmediate } from "node:timers/promises";
import { createSign, createVerify, type MessageType } from "@claviger/shared/wire/sign";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { createAnswering } from "./answer.ts";

const REPLICA = "rep_000000000001";
const UNTIL_MS = 1_790_000_015_000;
const question = {
  v: 1,
  id: "q",
  cp: "cp",
  replica: REPLICA,
  untilMs: UNTIL_MS,
  question: { kind: "logs", limit: 1 },
};

let signed: (type: MessageType, payload: unknown) => Promise<string>;
let forged: typeof signed;
let verify: Awaited<ReturnType<typeof createVerify>>;
let counts: Record<string, number>;
let asked: number;
let answered: number;
let nowMs: number | undefined;
let courierFails: boolean;
let warned: number;
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
  nowMs = UNTIL_MS - 15_000;
  courierFails = false;
  warned = 0;
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
        if (courierFails) throw new Error("nobody takes it");
        answered += 1;
      },
    },
    nowMs: () => nowMs,
    log: {
      debug() {},
      info() {},
      error() {},
      warn: () => {
        warned += 1;
      },
    },
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

test("a question is answered once; brought again it is counted and not asked of the store", async () => {
  const good = await signed("clv-query+jws", question);
  release();
  take(good);
  await until(() => answered === 1);
  take(good);
  await until(() => counts.query_repeated === 1);
  // Its last moment has not come.
  nowMs = UNTIL_MS - 1;
  take(good);
  await until(() => counts.query_repeated === 2);
  expect([asked, answered]).toEqual([1, 1]);
});

test("a question that is over, or cannot be told from one, is not asked of the store, and is counted", async () => {
  const good = await signed("clv-query+jws", question);
  const { untilMs: _, ...endless } = question;
  release();
  nowMs = undefined;
  take(good);
  await until(() => counts.query_expired === 1);
  nowMs = UNTIL_MS;
  take(good);
  await until(() => counts.query_expired === 2);
  nowMs = UNTIL_MS - 1;
  take(await signed("clv-query+jws", endless));
  await until(() => counts.unsupported === 1);
  expect([asked, answered]).toEqual([0, 0]);
  take(good);
  await until(() => answered === 1);
  // Also one that was answered, so that its id need not be remembered.
  nowMs = UNTIL_MS;
  take(good);
  await until(() => counts.query_expired === 3);
  expect([asked, answered]).toEqual([1, 1]);
});

test("a question whose answer found no way is answered when it comes again by the other one", async () => {
  const good = await signed("clv-query+jws", question);
  release();
  courierFails = true;
  take(good);
  await until(() => warned === 1);
  courierFails = false;
  take(good);
  await until(() => answered === 1);
  expect(counts).toEqual({});
});

test("questions beyond four at once are counted and let go", async () => {
  const good = await Promise.all(
    Array.from({ length: 10 }, (_, n) => signed("clv-query+jws", { ...question, id: `q${n}` })),
  );
  for (const jws of good) take(jws);
  expect(counts).toEqual({ busy: 6 });
  release();
  await until(() => answered === 4);
});
