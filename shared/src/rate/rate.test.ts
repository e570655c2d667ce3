import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deal, lostBook, newBook, release, relimit, type Share } from "./book.ts";
import { correct, emptyBucket, floorBucket, heldShare, take, takeUp } from "./bucket.ts";
import { dealtOf, floorOf, type Rate, wholeOf } from "./limit.ts";
import { booked } from "./outstanding.ts";

const TTL_MS = 20_000;
const none = { id: 0, rate: 0, burst: 0 } as const;

/** True when one bucket with this limit, full at the start, would have admitted every one of these instants. */
function centralAccepts(limit: Rate, instants: readonly number[]): boolean {
  let level = limit.burst;
  let atMs = 0;
  return instants.every((nowMs) => {
    level = Math.min(limit.burst, level + (nowMs - atMs) * limit.rate) - 1;
    atMs = nowMs;
    return level >= -1e-6;
  });
}

test("all replicas together admit nothing that one central bucket would refuse, whatever gets lost or comes late", () => {
  const names = ["a", "b", "c"];
  const op = fc.record({
    do: fc.constantFrom("ask", "ask", "ask", "report", "lose", "late"),
    who: fc.nat(2),
    gapMs: fc.oneof(fc.nat(40), fc.nat(900), fc.nat(9_000)),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 900 }), fc.array(op, { maxLength: 250 }), (perMinute, ops) => {
      const limit = dealtOf(perMinute, names.length);
      const book = newBook(limit, 0);
      const at = names.map((name) => ({ name, bucket: emptyBucket(0), n: 0, reportedMs: 0 }));
      const late: (() => void)[] = [];
      const admitted: number[] = [];
      let nowMs = 0;
      let id = 0;
      for (const one of ops) {
        nowMs += one.gapMs;
        const replica = at[one.who]!;
        if (one.do === "ask") {
          replica.n++;
          if (take(replica.bucket, 1, false, nowMs).ok) admitted.push(nowMs);
        } else if (one.do === "late") {
          late.shift()?.();
        } else {
          const sentMs = nowMs;
          const held = heldShare(replica.bucket, nowMs);
          const elapsedMs = nowMs - replica.reportedMs;
          const next = deal(
            book,
            { replica: replica.name, held, n: replica.n, elapsedMs },
            ++id,
            TTL_MS,
            nowMs,
          );
          replica.n = 0;
          replica.reportedMs = nowMs;
          if (one.do === "report") takeUp(replica.bucket, next, sentMs, nowMs);
          else late.push(() => takeUp(replica.bucket, next, sentMs, nowMs));
        }
        let rate = 0;
        let burst = 0;
        for (const { shares } of book.lines.values()) {
          rate += booked(shares, (share) => share.rate);
          burst += booked(shares, (share) => share.burst);
        }
        expect(rate <= limit.rate + 1e-9 && burst <= limit.burst + 1e-9).toBe(true);
      }
      expect(centralAccepts(wholeOf(perMinute), admitted)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

describe("a share", () => {
  const limit = wholeOf(600);
  const report = (replica: string, n: number, held: { id: number } & Rate = none) => ({
    replica,
    held,
    n,
    elapsedMs: 1_000,
  });

  test("follows demand within a few reports, and leaves nobody with nothing", () => {
    const book = newBook(limit, 0);
    let a: Share = { ...none, tokens: 0, ttlMs: TTL_MS };
    let b = a;
    for (let id = 1; id < 40; id += 2) {
      a = deal(book, report("a", 90, a), id, TTL_MS, id * 500);
      b = deal(book, report("b", 10, b), id + 1, TTL_MS, id * 500);
    }
    expect(a.rate / limit.rate).toBeCloseTo(0.9, 1);
    expect(b.rate / limit.rate).toBeCloseTo(0.1, 1);
    for (let id = 41; id < 80; id += 2) {
      a = deal(book, report("a", 0, a), id, TTL_MS, id * 500);
      b = deal(book, report("b", 10, b), id + 1, TTL_MS, id * 500);
    }
    expect(b.rate / limit.rate).toBeGreaterThan(0.95);
    expect(a.rate / limit.rate).toBeGreaterThanOrEqual(0.0199);
  });

  test("of a silent replica stays booked until it is over, of one that said goodbye not a moment", () => {
    const book = newBook(limit, 0);
    deal(book, report("a", 100), 1, TTL_MS, 0);
    expect(deal(book, report("b", 100), 2, TTL_MS, 19_000).rate).toBe(0);
    const silent = newBook(limit, 0);
    deal(silent, report("a", 100), 1, TTL_MS, 0);
    expect(deal(silent, report("b", 100), 2, TTL_MS, 20_203).rate).toBeGreaterThan(0);
    release(book, "a", 19_001);
    expect(deal(book, report("b", 100), 3, TTL_MS, 19_001).rate).toBeGreaterThan(0);
  });

  test("brings tokens out of the central level, which is full for a new limit and only fills with time", () => {
    const book = newBook(limit, 0);
    expect(deal(book, report("a", 100), 1, TTL_MS, 0).tokens).toBe(limit.burst);
    release(book, "a", 0);
    expect(deal(book, report("b", 100), 2, TTL_MS, 0).tokens).toBe(0);
  });

  test("does not grow while somebody who may hold one has not reported to a book that was lost", () => {
    const book = lostBook(
      limit,
      new Map([
        ["a", 9_000],
        ["b", 9_000],
      ]),
      0,
    );
    const held = { id: 7, rate: limit.rate / 2, burst: 40 };
    expect(deal(book, report("a", 100, held), 8, TTL_MS, 0)).toMatchObject({
      rate: held.rate,
      burst: 40,
      tokens: 0,
    });
    deal(book, report("b", 0), 9, TTL_MS, 0);
    expect(deal(book, report("a", 100, { ...held, id: 8 }), 10, TTL_MS, 1_000).burst).toBeGreaterThan(40);
  });

  test("shrinks with the limit", () => {
    const book = newBook(limit, 0);
    const first = deal(book, report("a", 100), 1, TTL_MS, 0);
    relimit(book, wholeOf(60), 0);
    expect(deal(book, report("a", 100, first), 2, TTL_MS, 0).rate).toBe(wholeOf(60).rate);
  });

  test("of a limit smaller than the number of replicas is whole at whoever asks first", () => {
    const book = newBook(dealtOf(1, 3), 0);
    expect(deal(book, report("a", 1), 1, TTL_MS, 0)).toMatchObject({ burst: 1, tokens: 1 });
    expect(deal(book, report("b", 1), 2, TTL_MS, 0).burst).toBe(0);
  });
});

describe("a bucket", () => {
  const share = (id: number, burst: number, tokens: number): Share => ({
    id,
    rate: 0.01,
    burst,
    tokens,
    ttlMs: 1_000,
  });

  test("that grows keeps its tokens, one that shrinks is cut, an older share changes nothing", () => {
    const bucket = emptyBucket(0);
    takeUp(bucket, share(2, 10, 4), 0, 0);
    takeUp(bucket, share(2, 10, 4), 0, 0);
    takeUp(bucket, share(1, 50, 50), 0, 0);
    expect(bucket).toMatchObject({ share: 2, tokens: 4, burst: 10 });
    takeUp(bucket, share(3, 20, 0), 0, 0);
    expect(bucket.tokens).toBe(4);
    takeUp(bucket, share(4, 3, 0), 0, 0);
    expect(bucket.tokens).toBe(3);
  });

  test("is empty when its share is over, counted from when the report was sent", () => {
    const bucket = emptyBucket(0);
    takeUp(bucket, share(1, 10, 10), 0, 900);
    expect(take(bucket, 1, false, 1_000).ok).toBe(true);
    expect(heldShare(bucket, 1_001)).toEqual({ id: 1, rate: 0, burst: 0 });
    expect(take(bucket, 1, false, 1_001)).toEqual({ ok: false, retryAfterMs: 60_000 });
  });

  test("says when a token will be there, and clocks that go back fill nothing", () => {
    const bucket = emptyBucket(0);
    takeUp(bucket, { ...share(1, 10, 0), ttlMs: 1_000_000 }, 0, 0);
    const refused = take(bucket, 1, false, 0);
    expect(refused).toEqual({ ok: false, retryAfterMs: 102 });
    expect(take(bucket, 1, false, -5_000).ok).toBe(false);
    expect(take(bucket, 1, false, 102).ok).toBe(true);
  });

  test("lends to an estimate above its burst when it is full, and gives back what was not used", () => {
    const bucket = emptyBucket(0);
    takeUp(bucket, share(1, 10, 10), 0, 0);
    expect(take(bucket, 500, true, 0).ok).toBe(true);
    expect(take(bucket, 1, true, 0).ok).toBe(false);
    correct(bucket, 500, 3, 0);
    expect(bucket.tokens).toBe(7);
  });

  test("of the floor starts empty, and is there only where it can hold a token", () => {
    const floor = floorOf(6_000, 4);
    const bucket = floorBucket(floor, 0);
    expect(take(bucket, 1, false, 0).ok).toBe(false);
    expect(take(bucket, 1, false, 60_000).ok).toBe(true);
    expect(floorOf(100, 4)).toEqual({ rate: 0, burst: 0 });
    expect(dealtOf(100, 4)).toEqual(wholeOf(100));
    expect(dealtOf(6_000, 4).rate + 4 * floor.rate).toBeCloseTo(wholeOf(6_000).rate);
  });
});
