import { following } from "@claviger/shared/escrow/outbox";
import type { UsageEvent } from "@claviger/shared/wire/usage";
import fc from "fast-check";
import { expect, test } from "vitest";

function event(seq: number): UsageEvent {
  return { kind: "refused", seq, keyId: "key_000000000000", code: "key_revoked", minuteMs: 0, n: 1 };
}

test("whatever batches arrive in whatever order and however often, each event is taken once and in order", () => {
  const batches = fc.array(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(batches, (sequence) => {
      const taken: number[] = [];
      for (const batch of sequence) {
        taken.push(...following(taken.length, batch.map(event)).map(({ seq }) => seq));
      }
      expect(taken).toEqual(taken.map((_, index) => index + 1));
      const first = sequence.findIndex((batch) => batch.includes(1));
      expect(taken.length > 0).toBe(first >= 0);
    }),
  );
});
