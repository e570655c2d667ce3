import { expect, test, vi } from "vitest";
import { createAnswerBag } from "./answer-bag.ts";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
const part = (n: number, pad = "") => ({
  cp: "cp",
  id: `q${n}`,
  part: encode({ part: n, more: false, rows: [pad] }),
});

test("what lies in the bag travels with the next heartbeat, once, and counts as sent when that was answered", async () => {
  const bag = createAnswerBag();
  const added = [bag.add(part(1)), bag.add(part(2))];
  const sent: unknown[] = [];
  const send = async (filled: Uint8Array) => {
    sent.push(decode(filled));
    return "jws";
  };
  expect(await bag.send(encode({ nonce: "a" }), send)).toBe("jws");
  await Promise.all(added);
  await bag.send(encode({ nonce: "b" }), send);
  expect(sent).toEqual([
    {
      nonce: "a",
      answers: [
        { cp: "cp", id: "q1", part: { part: 1, more: false, rows: [""] } },
        { cp: "cp", id: "q2", part: { part: 2, more: false, rows: [""] } },
      ],
    },
    { nonce: "b" },
  ]);
});

test("a heartbeat stays far below what the control plane reads; the rest goes with the next", async () => {
  const bag = createAnswerBag();
  const large = "x".repeat(250_000);
  const added = [1, 2, 3, 4, 5].map((n) => bag.add(part(n, large)));
  const counts: number[] = [];
  for (let n = 0; n < 3; n++) {
    await bag.send(encode({}), async (filled) => {
      expect(filled.length).toBeLessThan(600_000);
      counts.push(decode(filled).answers.length);
    });
  }
  await Promise.all(added);
  expect(counts).toEqual([2, 2, 1]);
});

test("an answer whose heartbeat failed, or that no heartbeat fetched in time, is given up and said to be", async () => {
  const bag = createAnswerBag();
  const failed = bag.add(part(1));
  const fails = bag.send(encode({}), () => Promise.reject(new Error("refused")));
  await expect(fails).rejects.toThrow("refused");
  await expect(failed).rejects.toThrow("refused");
  vi.useFakeTimers();
  try {
    const late = expect(bag.add(part(2))).rejects.toThrow("no heartbeat");
    await vi.advanceTimersByTimeAsync(3_000);
    await late;
  } finally {
    vi.useRealTimers();
  }
  await bag.send(encode({}), async (filled) => expect(decode(filled)).toEqual({}));
});
