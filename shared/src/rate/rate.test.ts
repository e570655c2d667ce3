import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deal, lostBook, newBook, release, relimit, type Share } from "./book.ts";
import { correct, emptyBucket, fitTo, heldShare, putFloor, take, takeUp } from "./bucket.ts";
import { measure, noDemand } from "./demand.ts";
import { dealtOf, floorOf, NO_RATE, type Rate, wholeOf } from "./limit.ts";
import { booked } from "./outstanding.ts";

const TTL_MS = 20_000;
const none = { id: 0, rate: 0, burst: 0 } as const;
const at = (nowMs: number) => ({ monoMs: nowMs, wallMs: nowMs });

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

test("all replicas together admit nothing that one central bucket would refuse, whatever gets lost or comes late (I15)", () => {
  const names = ["a", "b", "c"];
  const op = fc.record({
    do: fc.constantFrom("ask", "ask", "ask", "report", "lose", "late"),
    who: fc.nat(2),
    gapMs: fc.oneof(fc.nat(40), fc.nat(900), fc.nat(9_000)),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 900 }), fc.array(op, { maxLength: 250 }), (perMinute, ops) => {
      const limit = dealtOf(perMinute);
      const floor = floorOf(perMinute, 1 / names.length);
      const book = newBook(limit, 0);
      const all = names.map((name) => ({ name, bucket: emptyBucket(floor, 0), demand: noDemand(0) }));
      const late: (() => void)[] = [];
      const admitted: number[] = [];
      let nowMs = 0;
      let id = 0;
      for (const one of ops) {
        nowMs += one.gapMs;
        const replica = all[one.who]!;
        if (one.do === "ask") {
          replica.demand.n++;
          if (take(replica.bucket, 1, false, nowMs, nowMs) === 0) admitted.push(nowMs);
        } else if (one.do === "late") {
          late.shift()?.();
        } else {
          const sent = at(nowMs);
          const held = heldShare(replica.bucket, sent);
          const demand = measure(replica.demand, nowMs);
          const next = deal(book, { replica: replica.name, held, demand }, ++id, TTL_MS, nowMs);
          if (one.do === "report") takeUp(replica.bucket, next, sent, at(nowMs));
          else late.push(() => takeUp(replica.bucket, next, sent, at(nowMs)));
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
    demand: n,
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
    expect(deal(silent, report("b", 100), 2, TTL_MS, 22_203).rate).toBeGreaterThan(0);
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
    const book = newBook(dealtOf(1), 0);
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
    const bucket = emptyBucket(NO_RATE, 0);
    takeUp(bucket, share(2, 10, 4), at(0), at(0));
    takeUp(bucket, share(2, 10, 4), at(0), at(0));
    takeUp(bucket, share(1, 50, 50), at(0), at(0));
    expect(bucket).toMatchObject({ share: 2, tokens: 4, burst: 10 });
    takeUp(bucket, share(3, 20, 0), at(0), at(0));
    expect(bucket.tokens).toBe(4);
    takeUp(bucket, share(4, 3, 0), at(0), at(0));
    expect(bucket.tokens).toBe(3);
  });

  test.each([
    ["monotonic", 1_001, 900],
    ["wall", 900, 1_001],
  ])(
    "is empty when its share is over by the %s clock, counted from when the report was sent",
    (_, monoMs, wallMs) => {
      const bucket = emptyBucket(NO_RATE, 0);
      takeUp(bucket, share(1, 10, 10), at(0), at(900));
      expect(take(bucket, 1, false, 1_000, 1_000)).toBe(0);
      expect(heldShare(bucket, { monoMs, wallMs })).toEqual({ id: 1, rate: 0, burst: 0 });
      expect(take(bucket, 1, false, monoMs, wallMs)).toBe(60_000);
    },
  );

  test("says when a token will be there, and clocks that go back fill nothing", () => {
    const bucket = emptyBucket(NO_RATE, 0);
    takeUp(bucket, { ...share(1, 10, 0), ttlMs: 1_000_000 }, at(0), at(0));
    expect(take(bucket, 1, false, 0, 0)).toBe(102);
    expect(take(bucket, 1, false, -5_000, -5_000)).toBe(102);
    expect(take(bucket, 1, false, 102, 102)).toBe(0);
  });

  test("lends to an estimate above its burst when it is full, and gives back what was not used", () => {
    const bucket = emptyBucket(NO_RATE, 0);
    takeUp(bucket, share(1, 10, 10), at(0), at(0));
    expect(take(bucket, 500, true, 0, 0)).toBe(0);
    expect(take(bucket, 1, true, 0, 0)).toBeGreaterThan(0);
    correct(bucket, 500, 3);
    expect(bucket.tokens).toBe(7);
  });

  test("of the floor starts empty, stays when the share is over, and admits only where it can hold a token", () => {
    const floor = floorOf(6_000, 1 / 4);
    const bucket = emptyBucket(floor, 0);
    expect(take(bucket, 1, false, 0, 0)).toBeGreaterThan(0);
    takeUp(bucket, share(1, 10, 10), at(0), at(0));
    expect(bucket.burst).toBe(10 + floor.burst);
    expect(heldShare(bucket, at(2_000)).burst).toBe(0);
    expect(take(bucket, 1, false, 60_000, 60_000)).toBe(0);
    putFloor(bucket, floorOf(6_000, 1 / 100), at(60_000));
    expect(take(bucket, 1, false, 120_000, 120_000)).toBe(60_000);
    expect(floorOf(100, 1)).toEqual(NO_RATE);
    expect(dealtOf(100)).toEqual(wholeOf(100));
    expect(dealtOf(6_000).rate + 4 * floor.rate).toBeCloseTo(wholeOf(6_000).rate);
  });

  test("of a limit that was lowered holds no more than all of it before another share comes", () => {
    const bucket = emptyBucket(NO_RATE, 0);
    takeUp(bucket, share(1, 100, 100), at(0), at(0));
    fitTo(bucket, wholeOf(12), NO_RATE);
    expect(bucket).toMatchObject({ burst: 10, tokens: 10, dealtRate: 12 / 60_000 });
  });
});

describe("demand", () => {
  test("is the same however often it is measured, and ends", () => {
    const [often, seldom] = [noDemand(0), noDemand(0)];
    for (let nowMs = 100; nowMs <= 20_000; nowMs += 100) {
      often.n++;
      seldom.n++;
      measure(often, nowMs);
    }
    measure(seldom, 20_000);
    expect(often.level).toBeCloseTo(0.01, 3);
    expect(seldom.level).toBeCloseTo(0.01, 3);
    expect(measure(often, 400_000)).toBe(0);
  });
});
