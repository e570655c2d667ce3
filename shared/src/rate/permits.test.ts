import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { untilOf } from "./outstanding.ts";
import { dealPermits, lostPermitBook, newPermitBook, releasePermits, relimitPermits } from "./permits.ts";

const TTL_MS = 20_000;

test("permits never exceed the limit, and those in use are not dealt again", () => {
  const op = fc.record({
    do: fc.constantFrom("report", "report", "report", "report", "goodbye", "lose"),
    who: fc.nat(2),
    inflight: fc.nat(9),
    wanted: fc.nat(20),
    arrives: fc.boolean(),
    gapMs: fc.nat(9_000),
  });
  fc.assert(
    fc.property(fc.nat(12), fc.array(op, { maxLength: 80 }), (max, ops) => {
      let book = newPermitBook(max);
      const at = ["a", "b", "c"].map((name) => ({
        name,
        held: { id: 0, permits: 0 },
        endMs: 0,
        inflight: 0,
      }));
      const out = new Map<string, number>();
      let nowMs = 0;
      let id = 0;
      for (const one of ops) {
        nowMs += one.gapMs;
        const replica = at[one.who]!;
        for (const each of at) if (nowMs > each.endMs) each.held = { ...each.held, permits: 0 };
        // Requests may end at any time, and start only within the permits.
        replica.inflight = Math.min(one.inflight, Math.max(replica.inflight, replica.held.permits));
        const { name, held, inflight } = replica;
        if (one.do === "lose") {
          // Whoever was dealt a share, arrived or not, may hold it until then.
          book = lostPermitBook(max, out);
          continue;
        }
        if (one.do === "goodbye") {
          Object.assign(replica, { held: { id: 0, permits: 0 }, inflight: 0 });
          releasePermits(book, name);
          out.delete(name);
          continue;
        }
        out.set(name, untilOf(nowMs, TTL_MS));
        const next = dealPermits(
          book,
          { replica: name, held, inflight, wanted: one.wanted },
          ++id,
          TTL_MS,
          nowMs,
        );
        if (one.arrives) {
          replica.held = next;
          replica.endMs = nowMs + TTL_MS;
        }
        expect(at.reduce((sum, each) => sum + each.held.permits, 0)).toBeLessThanOrEqual(max);
      }
    }),
  );
});

describe("permits of a book that was lost", () => {
  const report = (replica: string, held = { id: 0, permits: 0 }) => ({
    replica,
    held,
    inflight: 0,
    wanted: 50,
  });

  test("grow when whoever may hold some has reported, said goodbye, or can hold them no more", () => {
    const lost = () =>
      lostPermitBook(10, [
        ["a", 9_000],
        ["gone", 9_000],
      ]);
    const heard = lost();
    expect(dealPermits(heard, report("a", { id: 1, permits: 2 }), 2, TTL_MS, 0).permits).toBe(2);
    dealPermits(heard, { ...report("gone"), wanted: 0 }, 3, TTL_MS, 1);
    expect(dealPermits(heard, report("a", { id: 2, permits: 2 }), 4, TTL_MS, 2).permits).toBeGreaterThan(2);
    const over = lost();
    expect(dealPermits(over, report("a"), 1, TTL_MS, 8_999).permits).toBe(0);
    expect(dealPermits(over, report("a"), 2, TTL_MS, 9_000).permits).toBe(10);
    const left = lost();
    releasePermits(left, "gone");
    expect(dealPermits(left, report("a"), 1, TTL_MS, 0).permits).toBe(10);
  });

  test("a smaller limit holds for every share from then on", () => {
    const book = newPermitBook(10);
    const first = dealPermits(book, report("a"), 1, TTL_MS, 0);
    relimitPermits(book, 3);
    expect([first.permits, dealPermits(book, report("a", first), 2, TTL_MS, 1).permits]).toEqual([10, 3]);
  });
});
