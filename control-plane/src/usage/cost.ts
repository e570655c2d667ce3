import { costOf, type Usage } from "@claviger/shared/money/cost";
import type { SettledEvent } from "@claviger/shared/wire/usage";
import type { PriceBook } from "../models/price.ts";

/** Nano-dollars. A million dollars for one request is nobody's price, and sums of such overflow what stores them. */
const COST_N_MAX = 10n ** 15n;

/**
 * What the gateway has charged, where it says so (the figure shown is the one enforced); else priced when it is taken in, by
 * the price that was pinned, and never again. null: nobody knows the price of that model, or believes it.
 */
export function costOfEvent(event: SettledEvent, usage: Usage, prices: PriceBook): bigint | null {
  const { cost: said } = event;
  if (said !== undefined) return said === null || BigInt(said) > COST_N_MAX ? null : BigInt(said);
  const price = prices(event);
  const cost = price === undefined ? null : costOf(usage, price);
  return cost !== null && cost <= COST_N_MAX ? cost : null;
}
