import fc from "fast-check";
import { expect, test } from "vitest";
import { emptyOutbox, following, nextSeq, told, toSend } from "./outbox.ts";

test("an event is sent until the cursor has passed it, and never before it is on disk", () => {
  const outbox = emptyOutbox();
  nextSeq(outbox);
  expect(toSend(outbox, 500)).toBeUndefined();
  nextSeq(outbox);
  outbox.durableSeq = 3;
  expect([toSend(outbox, 500), toSend(outbox, 500)]).toEqual([
    { from: 1, to: 2 },
    { from: 1, to: 2 },
  ]);
  told(outbox, 1);
  expect(toSend(outbox, 500)).toEqual({ from: 2, to: 2 });
  told(outbox, 0);
  expect(toSend(outbox, 1)).toEqual({ from: 1, to: 1 });
  expect(() => told(outbox, 3)).toThrow();
});

test("each event has its effect once, in order, whatever is lost, repeated and shuffled on the way", () => {
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
