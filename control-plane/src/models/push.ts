/**
 * What gateways are told of models. The bargain: an organization's gateways hold the prices of the models that its LLM keys
 * can serve, and of no others; what cannot be told in the same breath as an LLM key is told right after it.
 */
import { createHash } from "node:crypto";
import { type Change, type ModelRow, ModelsRecord } from "@claviger/shared/wire/record";
import { and, eq, sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { llmKey } from "../db/tables/llm-key.ts";
import { journaled, type Tx } from "../fleet/journal.ts";
import type { Effect } from "../fleet/journal-types.ts";
import type { Ports } from "../ports.ts";
import { namesOf } from "./catalogue.ts";
import { catalogueRows, keyOf, type ModelName, modelRow, overridesOf, type PriceRow } from "./price-rows.ts";

/** A provider's models are spread over so many records, by their names: one of 5 000 models has 160 in each. */
const PARTS = 32;

/** Left for whatever else stands in the delta (`DELTA_BYTES_MAX`). */
const BYTES_MAX = 131_072;

export interface ModelChanges {
  readonly changes: readonly Change[];
  /** Something did not fit. */
  readonly more: boolean;
  /** `restrictive` when a model that had a price and is still served has another one, none, or other limits. */
  readonly effect: Effect;
}

type Put = Extract<Change, { op: "put"; kind: "models" }>;

/** The records that differ from what gateways hold, under the organization's lock and after its rows were written. */
export async function modelChanges(
  tx: Tx,
  ports: Pick<Ports, "clock">,
  orgId: string,
): Promise<ModelChanges> {
  const names = await servedNames(tx, orgId);
  const wanted = partsOf(await wantedRows(tx, orgId, names, ports.clock.nowMs()));
  const served = new Set(names.map(keyOf));
  const held = await heldParts(tx, orgId);
  const changes: Change[] = [];
  let effect: Effect = "neutral";
  let bytes = 0;
  let more = false;
  const take = (change: Change, size: number, as: Effect) => {
    if (bytes + size > BYTES_MAX) {
      more = true;
      return;
    }
    bytes += size;
    changes.push(change);
    if (as === "restrictive" || effect === "neutral") effect = as;
  };
  for (const [id, record] of wanted) {
    const before = held.get(id);
    const text = JSON.stringify(record);
    if (before !== undefined && JSON.stringify(before) === text) continue;
    const change: Put = { op: "put", kind: "models", id, record, ifUnknown: "skip" };
    take(change, text.length + 100, losesPrice(before, record, served) ? "restrictive" : "giving");
  }
  for (const [id, before] of held) {
    if (wanted.has(id)) continue;
    const after = { ...before, models: [] };
    const as = losesPrice(before, after, served) ? "restrictive" : "neutral";
    take({ op: "del", kind: "models", id, ifUnknown: "skip" }, 100, as);
  }
  return { changes, more, effect };
}

/** Tells gateways what they lack, in as many changes as it takes. Resolves to how many it took. */
export async function pushModels(ports: Ports, orgId: string): Promise<number> {
  for (let n = 0; ; n++) {
    const { value } = await journaled(ports, orgId, async (tx) => {
      const { changes, effect } = await modelChanges(tx, ports, orgId);
      const actor = { kind: "system", id: "system", name: "Price catalogue" } as const;
      const entry = { actor, action: "model.reprice", effect, changes, keys: "all" } as const;
      return { value: changes.length > 0, entry: changes.length > 0 ? entry : null };
    });
    if (!value) return n;
  }
}

/** Brings every organization's gateways what has changed in the catalogue, by a new release or by the day. */
export async function repriceAll(ports: Ports): Promise<void> {
  const rows = await ports.db.execute<{ org_id: string }>(sql`
    select org_id from llm_key union select org_id from org_record where kind = 'models'`);
  for (const { org_id: orgId } of rows) {
    try {
      await pushModels(ports, orgId);
    } catch (error) {
      ports.log.warn({ err: error, org: orgId }, "the catalogue was not brought up to date");
    }
  }
}

/** Models that some LLM key of the organization (of the provider alone, if one is given) can serve. */
export async function servedNames(db: Queryable, orgId: string, provider?: string): Promise<ModelName[]> {
  const ofProvider = provider === undefined ? undefined : eq(llmKey.provider, provider);
  const { withDefaultModels, customModels } = llmKey;
  const keys = await db
    .select({ provider: llmKey.provider, withDefaultModels, customModels })
    .from(llmKey)
    .where(and(eq(llmKey.orgId, orgId), ofProvider));
  const names = new Map<string, ModelName>();
  const add = (name: ModelName) => names.set(keyOf(name), name);
  const whole = new Set<string>();
  for (const key of keys) {
    for (const model of key.customModels) add({ provider: key.provider, model });
    if (!key.withDefaultModels || whole.has(key.provider)) continue;
    whole.add(key.provider);
    for (const model of namesOf(key.provider)) add({ provider: key.provider, model });
  }
  return [...names.values()];
}

async function wantedRows(
  tx: Tx,
  orgId: string,
  names: readonly ModelName[],
  nowMs: number,
): Promise<PriceRow[]> {
  const overrides = await overridesOf(tx, orgId);
  const listed = await catalogueRows(
    tx,
    names.filter((name) => !overrides.has(keyOf(name))),
    nowMs,
  );
  return names.flatMap((name) => overrides.get(keyOf(name)) ?? listed.get(keyOf(name)) ?? []);
}

function partsOf(rows: readonly PriceRow[]): Map<string, ModelsRecord> {
  const parts = new Map<string, ModelsRecord>();
  for (const row of rows) {
    const id = partId(row);
    const part = parts.get(id) ?? { id, provider: row.provider, models: [] };
    parts.set(id, part);
    part.models.push(modelRow(row));
  }
  for (const { models } of parts.values()) models.sort((a, b) => (a.name < b.name ? -1 : 1));
  // As the schema orders members: what is compared was read by it too.
  return new Map([...parts].map(([id, part]) => [id, ModelsRecord.parse(part)]));
}

/** The same for the same name in every organization: a change of one model is one record. */
export function partId({ provider, model }: ModelName): string {
  const part = (createHash("sha256").update(model).digest()[0] ?? 0) % PARTS;
  const hex = createHash("sha256").update(`${provider}|${part}`).digest("hex");
  return `mdl_${hex.slice(0, 12)}`;
}

async function heldParts(tx: Tx, orgId: string): Promise<Map<string, ModelsRecord>> {
  const rows = await tx.execute<{ id: string; record: unknown }>(
    sql`select id, record from org_record where org_id = ${orgId} and kind = 'models'`,
  );
  return new Map(rows.map(({ id, record }) => [id, ModelsRecord.parse(record)]));
}

/** A model that no LLM key serves any more loses nothing: nobody can ask for it. */
function losesPrice(
  before: ModelsRecord | undefined,
  after: ModelsRecord,
  served: ReadonlySet<string>,
): boolean {
  const rows = new Map(after.models.map((row) => [row.name, row]));
  const differs = (old: ModelRow) => old.price !== null && old.priceRev !== rows.get(old.name)?.priceRev;
  const { provider } = after;
  return (before?.models ?? []).some(
    (old) => differs(old) && served.has(keyOf({ provider, model: old.name })),
  );
}
