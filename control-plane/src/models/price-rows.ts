/** Prices as they are kept: a row per price that was ever in force, never changed, found by the number that pins it. */
import { writePrice } from "@claviger/shared/money/price";
import type { ModelRow, PriceRecord } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import type { Tx } from "../fleet/journal.ts";
import { type CatalogueModel, findModel } from "./catalogue.ts";

/** A model of a provider. */
export interface ModelName {
  readonly provider: string;
  readonly model: string;
}

/** What is said of a model, without the number that it gets. */
export interface ModelTerms {
  readonly price: PriceRecord | null;
  readonly contextWindow: number | null;
  readonly outputTokensMax: number | null;
}

export interface PriceRow extends ModelName, ModelTerms {
  readonly rev: number;
  /** null: the catalogue's. */
  readonly orgId: string | null;
}

interface Row extends Record<string, unknown> {
  rev: string;
  org_id: string | null;
  provider: string;
  model: string;
  price: PriceRecord | null;
  context_window: number | null;
  output_tokens_max: number | null;
}

/** Any constant: whoever holds it adds to the catalogue's prices. */
const LOCK = 7_305_116_221;

export const keyOf = ({ provider, model }: ModelName) => `${provider}/${model}`;

/** What the organization says itself, by `provider/model`. */
export async function overridesOf(db: Queryable, orgId: string): Promise<Map<string, PriceRow>> {
  const rows = await db.execute<Row>(sql`
    select p.* from model_override o join model_price p using (rev)
    where o.org_id = ${orgId} and p.org_id = ${orgId}`);
  return byName(rows);
}

/** A price of the organization's own, as the next number. */
export async function insertOwn(
  tx: Tx,
  orgId: string,
  { provider, model }: ModelName,
  terms: ModelTerms,
): Promise<number> {
  const price = terms.price === null ? null : JSON.stringify(terms.price);
  const [row] = await tx.execute<{ rev: string }>(sql`
    insert into model_price (org_id, provider, model, price, context_window, output_tokens_max)
    values (${orgId}, ${provider}, ${model}, ${price}::jsonb, ${terms.contextWindow}, ${terms.outputTokensMax})
    returning rev`);
  if (row === undefined) throw new Error("a price was not kept");
  return Number(row.rev);
}

/**
 * The catalogue's rows of these models, by `provider/model`; a price that has changed since it was last looked at gets its
 * next number here. A model of which nothing is known is not in it.
 */
export async function catalogueRows(
  tx: Tx,
  names: readonly ModelName[],
  nowMs: number,
): Promise<Map<string, PriceRow>> {
  const wanted = new Map<string, ModelName & ModelTerms>();
  for (const name of names) {
    const found = findModel(name.provider, name.model, nowMs);
    if (found !== undefined) wanted.set(keyOf(name), { ...name, ...termsOf(found) });
  }
  const changed = (held: ReadonlyMap<string, PriceRow>) =>
    [...wanted].filter(([key, terms]) => !isSame(held.get(key), terms)).map(([, terms]) => terms);
  const held = await latest(tx, [...wanted.values()]);
  if (changed(held).length === 0) return held;
  await tx.execute(sql`select pg_advisory_xact_lock(${LOCK})`);
  const now = await latest(tx, [...wanted.values()]);
  const rows = changed(now);
  if (rows.length > 0) for (const [key, row] of await insertCatalogue(tx, rows)) now.set(key, row);
  return now;
}

/** As it travels. */
export function modelRow({ model, rev, price, contextWindow, outputTokensMax }: PriceRow): ModelRow {
  return {
    ...{ name: model, priceRev: rev, price },
    ...(contextWindow === null ? {} : { contextWindow }),
    ...(outputTokensMax === null ? {} : { outputTokensMax }),
  };
}

/** The rows of these numbers that this organization may have pinned: its own, and the catalogue's. */
export async function rowsOf(
  db: Queryable,
  orgId: string,
  revs: readonly number[],
): Promise<Map<number, PriceRow>> {
  if (revs.length === 0) return new Map();
  const rows = await db.execute<Row>(sql`
    select * from model_price where (org_id is null or org_id = ${orgId})
      and rev in (select jsonb_array_elements_text(${JSON.stringify(revs)}::jsonb)::bigint)`);
  return new Map(rows.map((row) => [Number(row.rev), read(row)]));
}

export function termsOf({ price, contextWindow, outputTokensMax }: CatalogueModel): ModelTerms {
  return { price: price === null ? null : writePrice(price), contextWindow, outputTokensMax };
}

async function latest(tx: Tx, names: readonly ModelName[]): Promise<Map<string, PriceRow>> {
  const asked = JSON.stringify(names.map(({ provider, model }) => ({ provider, model })));
  return byName(
    await tx.execute<Row>(sql`
      select distinct on (p.provider, p.model) p.* from model_price p
      join jsonb_to_recordset(${asked}::jsonb) as n (provider text, model text)
        on n.provider = p.provider and n.model = p.model
      where p.org_id is null order by p.provider, p.model, p.rev desc`),
  );
}

async function insertCatalogue(
  tx: Tx,
  rows: readonly (ModelName & ModelTerms)[],
): Promise<Map<string, PriceRow>> {
  return byName(
    await tx.execute<Row>(sql`
      insert into model_price (provider, model, price, context_window, output_tokens_max)
      select n.provider, n.model, nullif(n.price, 'null'::jsonb), n."contextWindow", n."outputTokensMax"
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as n (provider text, model text, price jsonb, "contextWindow" int, "outputTokensMax" int)
      returning *`),
  );
}

/** The database gives a price back with its members in another order. */
export function isSame(a: ModelTerms | undefined, b: ModelTerms): boolean {
  return a !== undefined && textOf(a) === textOf(b);
}

function textOf({ price, contextWindow, outputTokensMax }: ModelTerms): string {
  return JSON.stringify([sorted(price), contextWindow, outputTokensMax]);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, each]) => [name, sorted(each)]);
}

function byName(rows: readonly Row[]): Map<string, PriceRow> {
  return new Map(rows.map((row) => [keyOf(row), read(row)]));
}

function read(row: Row): PriceRow {
  const { provider, model, price } = row;
  return {
    ...{ rev: Number(row.rev), orgId: row.org_id, provider, model, price },
    ...{ contextWindow: row.context_window, outputTokensMax: row.output_tokens_max },
  };
}
