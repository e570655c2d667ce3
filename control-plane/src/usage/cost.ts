import { costOf } from "@claviger/shared/money/cost";
import type { SettledEvent } from "@claviger/shared/wire/usage";
import { priceOf } from "../models/price.ts";

/** Nano-dollars. A million dollars for one request is nobody's price, and sums of such overflow what stores them. */
const COST_N_MAX = 10n ** 15n;

/**
 * What the gateway has charged, where it says so (the figure shown is the one enforced); else priced when it is taken in,
 * and never again. null: nobody knows the price of that model, or believes it.
 */
export function costOfEvent({ provider, model, tokens, cost: said }: SettledEvent): bigint | null {
  if (said !== undefined) return said === null || BigInt(said) > COST_N_MAX ? null : BigInt(said);
  const price = priceOf(provider, model);
  const cost = price === undefined ? null : costOf(tokens, price);
  return cost !== null && cost <= COST_N_MAX ? cost : null;
}
