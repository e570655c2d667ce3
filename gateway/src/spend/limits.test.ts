import {
  answerReport,
  type KeyBook,
  type KeyLimits,
  type Member,
  newFleetBook,
} from "@claviger/shared/rate/dealer";
import { expect, test } from "vitest";
import { createLimits, type Limits } from "./limits.ts";

const KEY = { keyId: "k", requestsPerMinute: 600, tokensPerMinute: null, maxConcurrency: null };

/** A clock that only the test moves. */
function testClock() {
  const at = { nowMs: 1_000_000 };
  return { at, clock: { monoMs: () => at.nowMs, wallMs: () => at.nowMs } };
}

function alone() {
  const { at, clock } = testClock();
  return { at, limits: createLimits({ clock, replicas: () => 1 }) };
}

test("zero admits nothing, null everything", () => {
  const { limits } = alone();
  const who = { ...KEY, requestsPerMinute: 0 };
  expect(limits.takeRate(who, 1)).toMatchObject({ ok: false, limit: "requests", retryAfterMs: 60_000 });
  expect(limits.takeRate({ ...who, requestsPerMinute: null }, 1)).toEqual({ ok: true, headers: [] });
  expect(limits.enter({ ...who, maxConcurrency: 0 })).toBe(false);
  expect(limits.enter({ ...who, maxConcurrency: null })).toBe(true);
});

test("where nobody deals each replica has an equal share, and at least one", () => {
  const { clock } = testClock();
  const limits = createLimits({ clock, replicas: () => 3 });
  const admitted = (perMinute: number) => {
    const who = { ...KEY, keyId: `k${perMinute}`, requestsPerMinute: perMinute };
    return Array.from({ length: 200 }, () => limits.takeRate(who, 1).ok).filter((ok) => ok).length;
  };
  expect([admitted(1), admitted(60), admitted(600)]).toEqual([1, 3, 33]);
  const places = (maxConcurrency: number) =>
    Array.from({ length: 9 }, () => limits.enter({ ...KEY, keyId: `p${maxConcurrency}`, maxConcurrency }));
  expect([2, 7].map((max) => places(max).filter((ok) => ok).length)).toEqual([1, 2]);
});

test("a place is given back, tokens beyond the estimate become a debt, and refused tokens take no request", () => {
  const { at, limits } = alone();
  const who = { ...KEY, tokensPerMinute: 600, maxConcurrency: 1 };
  expect([limits.enter(who), limits.enter(who)]).toEqual([true, false]);
  limits.leave(who);
  expect(limits.enter(who)).toBe(true);
  expect(limits.takeRate(who, 10).ok).toBe(true);
  limits.correct(who, 10, 700);
  const refused = limits.takeRate(who, 10);
  expect(refused).toMatchObject({ ok: false, limit: "tokens" });
  expect(refused.headers).toContain("x-ratelimit-remaining-tokens");
  at.nowMs += 70_000;
  const again = limits.takeRate(who, 10);
  expect(again.ok).toBe(true);
  expect(again.headers[again.headers.indexOf("x-ratelimit-remaining-requests") + 1]).toBe("99");
  expect(limits.headersOf(who)).toContain("x-ratelimit-limit-requests");
});

test("a refusal says when it may come again", () => {
  const { at, limits } = alone();
  let taken = limits.takeRate(KEY, 1);
  while (taken.ok) taken = limits.takeRate(KEY, 1);
  at.nowMs += taken.retryAfterMs;
  expect(limits.takeRate(KEY, 1).ok).toBe(true);
});

test("a token's rate narrows the token and takes nothing from its key but what it uses", () => {
  const { limits } = alone();
  const key = { ...KEY, requestsPerMinute: 60, tokensPerMinute: 600 };
  const dry = { ...key, token: { id: "tok_dry", requestsPerMinute: 0, tokensPerMinute: null } };
  const one = { ...key, token: { id: "tok_one", requestsPerMinute: 1, tokensPerMinute: 5 } };
  for (let n = 0; n < 50; n++) expect(limits.takeRate(dry, 1).ok).toBe(false);
  expect([limits.takeRate(one, 1).ok, limits.takeRate(one, 1).ok]).toEqual([true, false]);
  limits.giveBack(one, 1);
  expect(limits.takeRate(one, 1).ok).toBe(true);
  limits.correct(one, 1, 5);
  // 60 per minute is a burst of 10, and 600 tokens one of 100: one of them is used by the token, with its 5 tokens.
  for (let n = 0; n < 9; n++) expect(limits.takeRate(key, 1).ok).toBe(true);
  expect(limits.takeRate(key, 1)).toMatchObject({ ok: false, limit: "requests" });
  expect(limits.takeRate({ ...key, requestsPerMinute: null }, 87)).toMatchObject({
    ok: false,
    limit: "tokens",
  });
  expect(limits.takeRate({ ...key, requestsPerMinute: null }, 86).ok).toBe(true);
});

test("a key or token is not forgotten while its requests run, however long: what they used is counted", () => {
  const { at, limits } = alone();
  const plain = { ...KEY, requestsPerMinute: null, tokensPerMinute: null };
  const key = { ...plain, tokensPerMinute: 600 };
  const narrow = { ...plain, token: { id: "tok", requestsPerMinute: null, tokensPerMinute: 600 } };
  for (const who of [key, narrow]) {
    expect([limits.enter(who), limits.takeRate(who, 10).ok]).toEqual([true, true]);
    at.nowMs += 600_000;
    for (let n = 0; n < 5; n++) limits.tick();
    limits.leave(who);
    limits.correct(who, 10, 5_000);
    expect(limits.takeRate(who, 10)).toMatchObject({ ok: false, limit: "tokens" });
  }
});

test("requests that began before their key had a limit take nobody's place with them when they end", () => {
  const { limits } = alone();
  const before = { ...KEY, requestsPerMinute: null };
  const after = { ...before, maxConcurrency: 1 };
  expect([limits.enter(before), limits.enter(after)]).toEqual([true, true]);
  limits.leave(before);
  expect(limits.enter(after)).toBe(false);
  limits.leave(after);
  expect(limits.enter(after)).toBe(true);
});

interface Dealing {
  readonly at: { nowMs: number };
  readonly limits: Limits;
  readonly parts: number[];
  /** The heartbeat that was asked for, and its answer. */
  beat(): void;
  spoken: number;
}

/** One replica and a control plane that answers when the test says so. */
function dealt(perMinute: number, floorPart?: number): Dealing {
  const { at, clock } = testClock();
  const parts: number[] = [];
  const members = new Map<string, Member>();
  const fleet = newFleetBook(1, members, at.nowMs);
  const books = new Map<string, KeyBook>();
  const limit: KeyLimits = {
    ...{ requestsPerMinute: perMinute, tokensPerMinute: null, maxConcurrency: null },
    ...{ ttlMs: 900_000, ttlMsMax: 900_000, createdMs: at.nowMs },
  };
  members.set("a", { freshMs: at.nowMs, bye: false });
  const rig: Dealing = {
    at,
    parts,
    spoken: 0,
    limits: createLimits({
      ...{ clock, floorPart, replicas: () => 1, keepFloorPart: (part) => void parts.push(part) },
      speak: () => {
        rig.spoken++;
      },
    }),
    beat() {
      const desk = { fleet, books, members, limits: new Map([["k", limit]]), nowMs: at.nowMs };
      const report = rig.limits.report();
      if (report === undefined) return rig.limits.take(undefined, 1);
      const { answer } = answerReport(desk, { replica: "a", starts: 1 }, report);
      rig.limits.take({ ...answer, keys: [...answer.keys] }, 1);
    },
  };
  return rig;
}

test("a request waits for the first share of its key, and for nothing after it", async () => {
  const rig = dealt(600);
  rig.beat();
  const first = rig.limits.ready(KEY);
  const second = rig.limits.ready(KEY);
  expect(first).toBeInstanceOf(Promise);
  rig.beat();
  await Promise.all([first, second]);
  expect(rig.limits.ready(KEY)).toBeUndefined();
  expect(rig.limits.takeRate(KEY, 1).ok).toBe(true);
  expect(rig.parts.at(-1)).toBe(1);
});

test("the answer to a heartbeat from before a request came leaves it waiting for its key's first share", async () => {
  const rig = dealt(600);
  rig.beat();
  const waited = rig.limits.ready(KEY);
  let woken = false;
  void waited?.then(() => {
    woken = true;
  });
  rig.limits.take(undefined, 1);
  await Promise.resolve();
  expect(woken).toBe(false);
  rig.beat();
  await waited;
  expect(rig.limits.takeRate(KEY, 1).ok).toBe(true);
});

test("a key's first share is waited for half a second, once; without one there is the floor, and never nothing", async () => {
  const rig = dealt(6_000, 0.5);
  const waited = rig.limits.ready({ ...KEY, requestsPerMinute: 6_000 });
  expect(waited).toBeInstanceOf(Promise);
  await waited;
  rig.at.nowMs += 500;
  expect(rig.limits.ready({ ...KEY, requestsPerMinute: 6_000 })).toBeUndefined();
  // The floor of half of five percent of 6 000 is 2.5 a second, of which one is there after the half second that it takes.
  rig.at.nowMs += 60_000;
  const admitted = Array.from({ length: 100 }, () =>
    rig.limits.takeRate({ ...KEY, requestsPerMinute: 6_000 }, 1),
  );
  expect(admitted.filter(({ ok }) => ok).length).toBe(25);
  expect(admitted.at(-1)).toMatchObject({ ok: false });
});

test("a limit without a share here says that it may come again soon", () => {
  const rig = dealt(60);
  expect(rig.limits.takeRate({ ...KEY, requestsPerMinute: 60 }, 1)).toMatchObject({
    ok: false,
    retryAfterMs: 1_000,
  });
});

test("a control plane that deals nothing leaves an equal share", () => {
  const { clock } = testClock();
  const limits = createLimits({ clock, replicas: () => 1, speak: () => undefined });
  expect(limits.ready(KEY)).toBeInstanceOf(Promise);
  limits.take(undefined, 2);
  expect(limits.ready(KEY)).toBeUndefined();
  expect(limits.takeRate({ ...KEY, keyId: "other" }, 1).ok).toBe(true);
});

test("keys that nobody asks for are forgotten, and what they had is given back", () => {
  const rig = dealt(600);
  rig.beat();
  rig.limits.takeRate(KEY, 1);
  rig.beat();
  rig.at.nowMs += 59_000;
  rig.beat();
  rig.limits.tick();
  expect(rig.limits.headersOf(KEY)).not.toEqual([]);
  rig.at.nowMs += 2_000;
  rig.limits.tick();
  expect(rig.limits.headersOf(KEY)).toEqual([]);
  expect(rig.limits.report()?.keys).toEqual([{ key: "k", gone: true }]);
  rig.beat();
  expect(rig.limits.report()).toBeUndefined();
});
