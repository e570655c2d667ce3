import { afterEach, expect, test, vi } from "vitest";
import { createMetrics } from "../metrics.ts";
import { Outbox } from "./outbox.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let outbox: Outbox | undefined;
afterEach(() => {
  outbox?.close();
  outbox = undefined;
  vi.useRealTimers();
});

/** A store that has the events 1 to 10, and a courier whose answers the test gives. */
function opened(answer: (after: number) => number, cursor = 0) {
  vi.useFakeTimers();
  const metrics = createMetrics();
  const offeredAfter: number[] = [];
  const store = {
    async usageAfter(after: number) {
      offeredAfter.push(after);
      return { body: new TextEncoder().encode(String(after)), lastSeq: 10 };
    },
  };
  const courier = {
    async usage(body: Uint8Array) {
      const taken = answer(Number(new TextDecoder().decode(body)));
      return new TextEncoder().encode(JSON.stringify({ cursor: taken }));
    },
  };
  const made = new Outbox({ store, courier, metrics, log: quiet }, cursor, 1);
  outbox = made;
  return { outbox: made, metrics, offeredAfter, settled: () => vi.advanceTimersByTimeAsync(0) };
}

test("an unsigned answer above every number that was given is counted, moves nothing, and the events are offered again", async () => {
  let answer = 9e15;
  const { outbox, metrics, offeredAfter, settled } = opened(() => answer);
  outbox.committed(11);
  await settled();
  expect(outbox.cursor).toBe(0);
  expect(metrics.usageCursorsRefused).toBe(1);
  answer = 11;
  await vi.advanceTimersByTimeAsync(200);
  expect(metrics.usageCursorsRefused).toBe(2);
  answer = 10;
  await vi.advanceTimersByTimeAsync(400);
  expect(offeredAfter).toEqual([0, 0, 0]);
  expect(metrics.usageCursorsRefused).toBe(2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(offeredAfter).toHaveLength(3);
});

test("an unsigned answer only paces: what is acknowledged is what was signed", async () => {
  const { outbox, offeredAfter, settled } = opened((after) => Math.min(10, after + 5));
  outbox.committed(11);
  await settled();
  expect(offeredAfter).toEqual([0, 5]);
  expect(outbox.cursor).toBe(0);
  outbox.acknowledged(10);
  expect(outbox.cursor).toBe(10);
});

test("a forged answer within the numbers that exist holds events up until the signed cursor was told twice", async () => {
  const { outbox, offeredAfter, settled } = opened(() => 10, 2);
  outbox.committed(11);
  await settled();
  outbox.acknowledged(4);
  await settled();
  expect(offeredAfter).toEqual([2]);
  expect(outbox.cursor).toBe(4);
  outbox.acknowledged(4);
  await settled();
  expect(offeredAfter).toEqual([2, 4]);
});

test("an unsigned answer below what was signed does not make the acknowledged part be offered again", async () => {
  const { outbox, offeredAfter, settled } = opened(() => 0, 6);
  outbox.committed(11);
  await settled();
  await vi.advanceTimersByTimeAsync(200);
  expect(offeredAfter).toEqual([6, 6]);
});

test("a signed cursor that goes back is believed when it is told twice, and then all of it is offered again", async () => {
  const { outbox, offeredAfter, settled } = opened(() => 10, 10);
  outbox.committed(11);
  outbox.acknowledged(3);
  await settled();
  expect(outbox.cursor).toBe(10);
  outbox.acknowledged(3);
  await settled();
  expect(outbox.cursor).toBe(3);
  expect(offeredAfter).toEqual([3]);
});

test("a signed cursor above every number given is counted and taken, so that new events get numbers that nobody has", async () => {
  const { outbox, metrics, offeredAfter, settled } = opened(() => 10);
  outbox.acknowledged(41);
  await settled();
  expect(metrics.usageCursorsRefused).toBe(1);
  expect(outbox.cursor).toBe(41);
  expect(offeredAfter).toEqual([]);
});
