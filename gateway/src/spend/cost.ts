/** What an attempt has cost, from what is known of its end. */
import { costOf, type PinnedPrice, type Usage } from "@claviger/shared/money/cost";
import type { AttemptEnd } from "../rooms.ts";

/**
 * Nano-dollars at the pinned price; null: not known, and then a budget is charged the whole reservation. What the provider
 * has not told itself is an estimate and never lowers a charge.
 */
export function actualOf({ tokens, basis, code, status }: AttemptEnd, price: PinnedPrice): bigint | null {
  if (basis !== "provider") return null;
  const isRefused = code !== null || status >= 400;
  return isRefused && isNothing(tokens) ? 0n : costOf(tokens, price.price);
}

/** The provider was not asked, or refused: nobody bills that, not even where each request has a price of its own. */
function isNothing(tokens: Usage): boolean {
  return Object.values(tokens).every((count) => count === 0);
}
