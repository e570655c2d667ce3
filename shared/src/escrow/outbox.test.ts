import fc from "fast-check";
import { expect, test } from "vitest";
import { acknowledged, answered, following, numberOf, outboxAt, toOffer } from "./outbox.ts";

test("an event is offered until it was taken, and never before it is on disk", () => {
  const outbox = outboxAt(0, 1);
  expect(toOffer(outbox, 500)).toBeUndefined();
  outbox.durableSeq = 3;
  expect([toOffer(outbox, 500), toOffer(outbox, 500)]).toEqual([
    { from: 1, to: 2 },
    { from: 1, to: 2 },
  ]);
  expect(answered(outbox, 1, 0)).toBe("stands");
  expect(answered(outbox, 1, 1)).toBe("on");
  expect(toOffer(outbox, 500)).toEqual({ from: 2, to: 2 });
});

test("only a signed cursor lets events go, and one that claims more than there is moves nothing unless it is signed", () => {
  const outbox = outboxAt(0, 11);
  expect(answered(outbox, 1, 10)).toBe("on");
  expect(outbox.cursor).toBe(0);
  expect(answered(outbox, 1, 11)).toBe("above");
  expect(acknowledged(outbox, 10)).toBe("on");
  expect(outbox.cursor).toBe(10);
  expect(acknowledged(outbox, 41)).toBe("above");
  expect(numberOf(outbox, 0)).toBe(42);
});

test("a signed cursor below the offers is believed when it is told twice, and all after it is offered again", () => {
  const outbox = outboxAt(10, 11);
  expect([acknowledged(outbox, 3), acknowledged(outbox, 3)]).toEqual(["on", "again"]);
  expect(toOffer(outbox, 500)).toEqual({ from: 4, to: 10 });
});

test("an event's number is the next that PostgreSQL does not have, behind those that wait for the disk", () => {
  expect(numberOf({ durableSeq: 5, cursor: 2 }, 3)).toBe(8);
  expect(numberOf({ durableSeq: 5, cursor: 9 }, 0)).toBe(10);
});

test("each event has its effect once, in order, whatever is lost, repeated and shuffled on the way (I13)", () => {
  const batch = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 40 }), (batches) => {
      const taken: number[] = [];
      for (const one of batches) {
        const events = one.map((seq) => ({ seq }));
        taken.push(...following(taken.length, events).map(({ seq }) => seq));
      }
      expect(taken).toEqual(taken.map((_, i) => i + 1));
    }),
  );
});
