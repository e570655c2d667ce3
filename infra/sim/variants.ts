/** What can be simulated, by name: how keys travel, with one kind of trouble each; how money is spent; how rates are shared. */
import { simulateMoney } from "./money/simulate.ts";
import type { Outcome } from "./outcome.ts";
import { simulatePermits, simulateRate } from "./rate/simulate.ts";
import { simulate, VARIANTS } from "./simulate.ts";

export type VariantName = "base" | "clock" | "damage" | "loss" | "money" | "rate" | "permits";

export const variants: ReadonlyMap<string, (seed: number) => Outcome> = new Map([
  ...VARIANTS.map((variant) => [variant.name, (seed: number) => simulate(seed, variant)] as const),
  ["money", simulateMoney] as const,
  ["rate", simulateRate] as const,
  ["permits", simulatePermits] as const,
]);
