import fc from "fast-check";
import { expect, test } from "vitest";
import { createLimits } from "./limits.ts";
import { type Bucket, concurrencyShare, equalShare, take } from "./rate.ts";

test("never more than burst plus rate times the time, whatever the pattern of requests", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 9 }),
      gaps,
      (limit, replicas, each) => {
        const share = equalShare(limit, replicas);
        const bucket: Bucket = { level: share.burst, atMs: 0 };
        let nowMs = 0;
        let admitted = 0;
        for (const gap of each) {
          nowMs += gap;
          if (take(bucket, share, 1, nowMs).ok) admitted++;
          expect(admitted).toBeLessThanOrEqual(share.burst + nowMs * share.rate + 1e-6);
        }
      },
    ),
  );
});

test("traffic below the limit is never refused, and a refusal says when it may come again", () => {
  const share = equalShare(60, 1);
  const bucket: Bucket = { level: share.burst, atMs: 0 };
  for (let n = 0; n < 600; n++) expect(take(bucket, share, 1, n * 1050).ok).toBe(true);
  let nowMs = 600 * 1050;
  let taken = take(bucket, share, 1, nowMs);
  while (taken.ok) taken = take(bucket, share, 1, nowMs);
  nowMs += taken.retryAfterMs;
  expect(take(bucket, share, 1, nowMs).ok).toBe(true);
});

test("zero admits nothing, null everything", () => {
  const limits = createLimits({ wallMs: () => 0, monoMs: () => 0 }, () => 1);
  const who = { keyId: "k", requestsPerMinute: 0, tokensPerMinute: null, maxConcurrency: null };
  expect(limits.takeRate(who, 1)).toMatchObject({ ok: false, limit: "requests", retryAfterMs: 60_000 });
  expect(limits.takeRate({ ...who, requestsPerMinute: null }, 1)).toEqual({ ok: true, headers: [] });
  expect(limits.enter({ ...who, maxConcurrency: 0 })).toBe(false);
  expect(limits.enter({ ...who, maxConcurrency: null })).toBe(true);
});

test("rates of all replicas sum to the limit; a burst of one is left to each", () => {
  for (const replicas of [1, 2, 3, 10]) {
    expect(equalShare(60, replicas).rate * replicas * 60_000).toBeCloseTo(60);
    expect(equalShare(60, replicas).burst).toBeGreaterThanOrEqual(1);
  }
  expect([concurrencyShare(0, 3), concurrencyShare(2, 3), concurrencyShare(7, 3)]).toEqual([0, 1, 2]);
});

test("a place is given back, tokens beyond the estimate become a debt, and refused tokens take no request", () => {
  let nowMs = 0;
  const limits = createLimits({ wallMs: () => 0, monoMs: () => nowMs }, () => 1);
  const who = { keyId: "k", requestsPerMinute: 600, tokensPerMinute: 600, maxConcurrency: 1 };
  expect([limits.enter(who), limits.enter(who)]).toEqual([true, false]);
  limits.leave("k");
  expect(limits.enter(who)).toBe(true);
  expect(limits.takeRate(who, 10).ok).toBe(true);
  limits.correct(who, 10, 700);
  const refused = limits.takeRate(who, 10);
  expect(refused).toMatchObject({ ok: false, limit: "tokens" });
  expect(refused.headers).toContain("x-ratelimit-remaining-tokens");
  nowMs = 70_000;
  const again = limits.takeRate(who, 10);
  expect(again.ok).toBe(true);
  expect(again.headers[again.headers.indexOf("x-ratelimit-remaining-requests") + 1]).toBe("99");
});

test("a token's rate narrows the token and takes nothing from its key but what it uses", () => {
  const limits = createLimits({ wallMs: () => 0, monoMs: () => 0 }, () => 1);
  const key = { keyId: "k", requestsPerMinute: 60, tokensPerMinute: 600, maxConcurrency: null };
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
