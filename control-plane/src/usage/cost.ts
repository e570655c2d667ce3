import { costOf } from "@claviger/shared/money/cost";
import type { SettledEvent } from "@claviger/shared/wire/usage";
import { priceOf } from "../models/price.ts";

/** Nano-dollars. A million dollars for one request is nobody's price, and sums of such overflow what stores them. */
const COST_N_MAX = 10n ** 15n;

/** Priced when it is taken in and never again; null: nobody knows the price of that model, or believes it. */
export function costOfEvent({ provider, model, tokens }: SettledEvent): bigint | null {
  const price = priceOf(provider, model);
  const cost = price === undefined ? null : costOf(tokens, price);
  return cost !== null && cost <= COST_N_MAX ? cost : null;
}
