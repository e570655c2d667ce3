import postgres from "postgres";

/** Rows as the API would have made them, `Copy 1` to `Copy N`, straight into the table: changes are not what these keys are for. */
export async function copyKeys(url: string, count: number): Promise<void> {
  const sql = postgres(url, { max: 1 });
  try {
    const [{ names } = { names: "" }] = await sql<{ names: string }[]>`
      select string_agg(quote_ident(column_name), ',' order by ordinal_position) as names
      from information_schema.columns
      where table_name = 'api_key' and column_name not in ('id', 'name', 'hashes', 'created_at')`;
    await sql.unsafe(`
      insert into api_key (id, name, hashes, created_at, ${names})
      select 'key_' || lpad(n::text, 12, '0'), 'Copy ' || n, '[]'::jsonb, created_at - n * interval '1 minute', ${names}
      from (select * from api_key order by created_at limit 1) as one, generate_series(1, ${count}) as n`);
  } finally {
    await sql.end();
  }
}
