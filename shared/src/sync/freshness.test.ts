import fc from "fast-check";
import { expect, test } from "vitest";
import { SKEW_MS_MAX } from "./assumptions.ts";
import {
  ageMs,
  coldProof,
  correctedNowMs,
  type Instant,
  measureClock,
  provedNowMs,
  type Stamp,
} from "./freshness.ts";

const at = (wallMs: number, monoMs = wallMs): Instant => ({ wallMs, monoMs });
const stamp = (changes: Partial<Stamp["clock"]> = {}): Stamp => ({
  proof: { sentWallMs: 1_000_000, cpTimeMs: 1_000_050 },
  clock: { offsetMs: 0, errorMs: 1, trusted: true, highWaterMs: 1_000_100, ...changes },
});

test("without a proof the age is without end", () => {
  expect(ageMs(undefined, at(5))).toBe(Number.POSITIVE_INFINITY);
});

test("M18: a running age takes whichever clock says more: one stands still in a pause, the other may be set back", () => {
  const proof = {
    sentWallMs: 100,
    cpTimeMs: 100,
    basis: { kind: "running", sentMonoMs: 50, receivedMonoMs: 50 },
  } as const;
  expect(ageMs(proof, { wallMs: 10_100, monoMs: 60 })).toBe(10_000);
  expect(ageMs(proof, { wallMs: 0, monoMs: 10_050 })).toBe(10_000);
});

test("M19: after a restart the skew margin counts, whatever the clocks say", () => {
  const proof = coldProof(stamp(), at(1_000_200, 7));
  expect(ageMs(proof, at(1_000_200, 7))).toBe(200 + SKEW_MS_MAX);
  expect(ageMs(proof, at(1_001_200, 1_007))).toBe(1_200 + SKEW_MS_MAX);
});

test("M17: below the high-water mark, or with a clock that was wrong before, a restart has no proof, and stays without", () => {
  expect(coldProof(stamp(), at(1_000_099))).toBeUndefined();
  expect(coldProof(stamp({ trusted: false }), at(2_000_000))).toBeUndefined();
  expect(coldProof({ ...stamp(), proof: null }, at(2_000_000))).toBeUndefined();
  expect(coldProof(undefined, at(2_000_000))).toBeUndefined();
});

test("I8: a cold age is never below the real one while skew keeps to its bound, also when the clock is set back later", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -SKEW_MS_MAX, max: SKEW_MS_MAX }),
      fc.integer({ min: 200, max: 1e9 }),
      fc.integer({ min: 0, max: 1e9 }),
      fc.integer({ min: -1e9, max: 0 }),
      (skewMs, downMs, sinceMs, setBackMs) => {
        const sent = 10_000_000_000;
        const written: Stamp = {
          proof: { sentWallMs: sent, cpTimeMs: sent },
          clock: { offsetMs: 0, errorMs: 0, trusted: true, highWaterMs: sent },
        };
        const loaded = at(sent + downMs + skewMs, 3);
        const proof = coldProof(written, loaded);
        if (proof === undefined) return;
        const now = { wallMs: loaded.wallMs + sinceMs + setBackMs, monoMs: 3 + sinceMs };
        expect(ageMs(proof, now)).toBeGreaterThanOrEqual(downMs + sinceMs);
      },
    ),
  );
});

test("the measured offset puts expiry on the control plane's clock, within half a round trip", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e7, max: 1e7 }),
      fc.integer({ min: 0, max: 3_000 }),
      fc.integer({ min: 0, max: 3_000 }),
      (aheadMs, upMs, downMs) => {
        const cpTimeMs = 1_800_000_000_000;
        const sent = at(cpTimeMs - upMs + aheadMs, 0);
        const received = { wallMs: cpTimeMs + downMs + aheadMs, monoMs: upMs + downMs };
        const clock = measureClock(sent, received, cpTimeMs);
        const error = Math.abs(correctedNowMs(clock, received) - (cpTimeMs + downMs));
        expect(error).toBeLessThanOrEqual((clock.errorMs ?? 0) + 0.001);
        expect(clock.trusted).toBe(Math.abs(aheadMs + downMs) <= upMs + downMs + SKEW_MS_MAX);
      },
    ),
  );
});

test("with a wall clock that is set back, control-plane time is never under-estimated by more than drift and one round trip, nor over-estimated at all beyond the measurement's error", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 3_000 }),
      fc.integer({ min: 0, max: 3_000 }),
      fc.integer({ min: 0, max: 900_000 }),
      fc.integer({ min: 0, max: 1e7 }),
      fc.double({ min: -0.009, max: 0.009, noNaN: true }),
      (upMs, downMs, sinceMs, setBackMs, drift) => {
        const cpTimeMs = 1_800_000_000_000;
        const sent = at(cpTimeMs - upMs, 0);
        const clock = measureClock(sent, at(cpTimeMs + downMs, upMs + downMs), cpTimeMs);
        const proof = {
          sentWallMs: sent.wallMs,
          cpTimeMs,
          basis: { kind: "running", sentMonoMs: sent.monoMs, receivedMonoMs: upMs + downMs },
        } as const;
        const monoMs = upMs + downMs + sinceMs * (1 + drift);
        const shown = correctedNowMs(
          clock,
          { wallMs: cpTimeMs + downMs + sinceMs - setBackMs, monoMs },
          proof,
        );
        const real = cpTimeMs + downMs + sinceMs;
        const least = provedNowMs(proof, { wallMs: Number.MAX_SAFE_INTEGER, monoMs }) ?? Number.NaN;
        expect(least).toBeLessThanOrEqual(real);
        expect(least).toBeGreaterThanOrEqual(real - downMs - sinceMs * 0.02);
        const errorMs = clock.errorMs ?? 0;
        expect(shown).toBeLessThanOrEqual(real + errorMs + 0.001);
        expect(shown).toBeGreaterThanOrEqual(real - 2 * errorMs - (sinceMs + upMs + downMs) * 0.02 - 0.001);
      },
    ),
  );
});
