/**
 * What the roll-ups have got since their first form, added where it is missing. Processes of the version before go on
 * writing while this one starts: their rows lack an organization and the finer buckets, so a trigger names the one and
 * defaults stand for the others, and the primary key stays the one that their `on conflict` names.
 */
import { sql } from "drizzle-orm";
import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";

/** Buckets that the five of the first form held, and what was counted as a request. All of it: what is missing is added. */
const COLUMNS = [
  "retries",
  ...["cache_write_long_tokens", "audio_input_tokens", "audio_output_tokens"],
  ...["image_input_tokens", "image_output_tokens", "images", "searches"],
] as const;

/** Does nothing to roll-ups that have it all. Callers hold the lock of migrations. */
export async function widenRollUps(db: PostgresJsDatabase): Promise<void> {
  const held = await db.execute<{ name: string }>(sql`
    select column_name as name from information_schema.columns
    where table_schema = 'public' and table_name = 'usage_rollup'`);
  const names = new Set(held.map(({ name }) => name));
  if (["org_id", ...COLUMNS].every((name) => names.has(name))) return;
  await db.transaction(async (tx) => {
    const columns = COLUMNS.map((name) => `add column if not exists ${name} bigint not null default 0`);
    await tx.execute(
      sql.raw(`alter table usage_rollup add column if not exists org_id text, ${columns.join(", ")}`),
    );
    await tx.execute(sql`
      update usage_rollup r set org_id = d.org_id from usage_dimension d
      where d.id = r.dimension_id and r.org_id is null`);
    await tx.execute(sql`
      create or replace function usage_rollup_org() returns trigger language plpgsql as $$
      begin
        select org_id into new.org_id from usage_dimension where id = new.dimension_id;
        return new;
      end $$`);
    await tx.execute(sql`
      create or replace trigger usage_rollup_org before insert on usage_rollup
      for each row when (new.org_id is null) execute function usage_rollup_org()`);
    await tx.execute(sql`alter table usage_rollup alter column org_id set not null`);
    // An organization's figures by time, and a key's or a model's over a long time.
    await tx.execute(sql`create index if not exists usage_rollup_org_at on usage_rollup (org_id, at)`);
    await tx.execute(
      sql`create index if not exists usage_rollup_dimension_at on usage_rollup (dimension_id, at)`,
    );
  });
}
