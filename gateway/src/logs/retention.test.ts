import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Trimmed, TrimOrder } from "../ports.ts";
import { startRetention } from "./retention.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 100 * DAY_MS;

let running: { stop(): void } | undefined;
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  running?.stop();
  vi.useRealTimers();
});

function started(answers: Trimmed[], nowMs: () => number | undefined = () => NOW_MS) {
  const orders: TrimOrder[] = [];
  const errors: string[] = [];
  const store = {
    async trim(order: TrimOrder) {
      orders.push(order);
      return answers.shift() ?? { rows: 0, bytes: 10, more: false };
    },
  };
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (_: object, text: string) => void errors.push(text),
  };
  running = startRetention(
    { store, log, nowMs, usageCursor: () => 7 },
    { daysMax: 30, bytesMax: 1000, bodyDaysMax: 7 },
  );
  return { orders, errors };
}

test("lines go by age, never one of the last 72 hours, in parts until none is left that may go", async () => {
  const part = { rows: 1000, bytes: 900, more: true };
  const { orders, errors } = started([part, part, { rows: 3, bytes: 500, more: false }]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(orders).toHaveLength(3);
  expect(orders[0]).toMatchObject({
    deletableBeforeMs: NOW_MS - 3 * DAY_MS,
    wantedBeforeMs: NOW_MS - 30 * DAY_MS,
    bytesMax: 1000,
    usageCursor: 7,
    bodiesBeforeMs: NOW_MS - 7 * DAY_MS,
  });
  expect(errors).toEqual([]);
});

test("nothing goes while the control plane's time is not known", async () => {
  let nowMs: number | undefined;
  const { orders } = started([], () => nowMs);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(orders).toEqual([]);
  nowMs = NOW_MS;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(orders).toHaveLength(1);
});

test("a log that stays too large because nothing may go is an alarm", async () => {
  const { errors } = started([{ rows: 0, bytes: 2000, more: false }]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(errors).toEqual(["the local log is larger than it should be"]);
});
