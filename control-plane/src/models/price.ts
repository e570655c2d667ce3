/** What a request cost: by the price that was pinned when it was admitted, so that what is shown is what was enforced. */
import type { Price } from "@claviger/shared/money/cost";
import { readPrice } from "@claviger/shared/money/price";
import type { UsageEvent } from "@claviger/shared/wire/usage";
import type { Queryable } from "../db/database.ts";
import { findModel } from "./catalogue.ts";
import { keyOf, overridesOf, rowsOf } from "./price-rows.ts";

type Priced = Pick<Extract<UsageEvent, { kind: "settled" }>, "provider" | "model" | "priceRev">;

/** The price of a settlement; undefined: its model has none, and its cost is unknown, not nothing. */
export type PriceBook = (event: Priced) => Price | undefined;

/**
 * The prices of these settlements: of the revision that each one names, whatever has changed since. One that names none, of a
 * gateway that had no price, is priced as the organization has it now; so is one that names what this model never cost.
 */
export async function pricesOf(
  db: Queryable,
  orgId: string,
  events: readonly UsageEvent[],
  nowMs: number,
): Promise<PriceBook> {
  const settled = events.filter((event) => event.kind === "settled" && event.cost === undefined);
  if (settled.length === 0) return () => undefined;
  const revs = new Set(settled.flatMap((event) => ("priceRev" in event ? (event.priceRev ?? []) : [])));
  const pinned = await rowsOf(db, orgId, [...revs]);
  const overrides = await overridesOf(db, orgId);
  return ({ provider, model, priceRev }) => {
    const row = priceRev === undefined ? undefined : pinned.get(priceRev);
    const held =
      row?.provider === provider && row.model === model ? row : overrides.get(keyOf({ provider, model }));
    if (held !== undefined) return held.price === null ? undefined : readPrice(held.price);
    return findModel(provider, model, nowMs)?.price ?? undefined;
  };
}
