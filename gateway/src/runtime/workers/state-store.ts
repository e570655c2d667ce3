/**
 * The persisted state in the object's SQLite: one sealed row per record, the records of one generation after each other.
 * The bargain: what `append` and `replace` resolved for is on disk; a row that is gone or does not open is damage, and
 * the state is without freshness then until the next `replace`. The generation before stays until the one after it.
 */
import type { StateStore } from "../../ports.ts";
import { createSealer, type Sealer } from "./sealer.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS state (
  generation INTEGER NOT NULL, n INTEGER NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (generation, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state_mark (
  one INTEGER PRIMARY KEY CHECK (one = 1), generation INTEGER NOT NULL, records INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT;
`;

/** The object's SQLite takes two megabytes in a row; no record of the protocol is longer than a page, 512 KiB. */
export function createStateStore(
  storage: DurableObjectStorage,
  masterKey: Uint8Array,
  replica: string,
): StateStore {
  const sealer = createSealer(masterKey, "clv-state/v1", replica);
  const { sql } = storage;
  sql.exec(SCHEMA);
  let generation = 0;
  let records = 0;
  const sealAll = (plain: readonly Uint8Array[], of: number, from: number) =>
    Promise.all(plain.map((each, i) => sealer.seal(each, `${of}|${from + i}`)));
  const write = async (sealed: readonly Uint8Array[], of: number, from: number): Promise<void> => {
    const marked = await sealer.seal(new Uint8Array(), `mark|${of}|${from + sealed.length}`);
    storage.transactionSync(() => {
      for (const [i, each] of sealed.entries()) {
        sql.exec("INSERT INTO state (generation, n, sealed) VALUES (?, ?, ?)", of, from + i, each);
      }
      sql.exec(
        "INSERT OR REPLACE INTO state_mark (one, generation, records, sealed) VALUES (1, ?, ?, ?)",
        of,
        from + sealed.length,
        marked,
      );
      if (from === 0) sql.exec("DELETE FROM state WHERE generation < ?", of - 1);
    });
    generation = of;
    records = from + sealed.length;
    await storage.sync();
  };
  return {
    async load() {
      const read = await readState(sql, sealer);
      if (read === undefined) return { records: [], condition: "empty", complaints: [] };
      ({ generation, next: records } = read);
      const { opened, complaints } = read;
      return { records: opened, condition: complaints.length > 0 ? "damaged" : "whole", complaints };
    },
    async append(plain) {
      await write(await sealAll(plain, generation, records), generation, records);
    },
    async replace(plain) {
      const next = generation + 1;
      await write(await sealAll(plain, next, 0), next, 0);
    },
    close: async () => undefined,
  };
}

interface ReadState {
  readonly generation: number;
  /** Where the next record goes. */
  readonly next: number;
  readonly opened: readonly Uint8Array[];
  readonly complaints: readonly string[];
}

/** The newest generation, up to the first record that is not what was written; undefined when there is nothing. */
async function readState(sql: SqlStorage, sealer: Sealer): Promise<ReadState | undefined> {
  const [mark] = sql.exec("SELECT generation, records, sealed FROM state_mark").toArray();
  const newest = Number(sql.exec("SELECT coalesce(max(generation), -1) AS g FROM state").toArray()[0]?.g);
  if (mark === undefined && newest < 0) return undefined;
  const complaints: string[] = [];
  const generation = Math.max(newest, Number(mark?.generation ?? 0));
  const opened: Uint8Array[] = [];
  const rows = sql.exec("SELECT n, sealed FROM state WHERE generation = ? ORDER BY n", generation).toArray();
  for (const { n, sealed } of rows) {
    const plain = await sealer.open(new Uint8Array(sealed as ArrayBuffer), `${generation}|${n}`);
    if (plain === undefined || n !== opened.length) {
      complaints.push(`record ${n} of the state is not what was written`);
      break;
    }
    opened.push(plain);
  }
  const seal = mark === undefined ? undefined : new Uint8Array(mark.sealed as ArrayBuffer);
  const said = `mark|${generation}|${opened.length}`;
  if (seal === undefined || (await sealer.open(seal, said)) === undefined) {
    complaints.push("the state has not as many records as were written");
  }
  return { generation, next: rows.length === 0 ? 0 : Number(rows.at(-1)?.n) + 1, opened, complaints };
}

/** Deletes every generation of the state. */
export async function eraseState(storage: DurableObjectStorage): Promise<void> {
  storage.sql.exec(SCHEMA);
  storage.transactionSync(() => {
    storage.sql.exec("DELETE FROM state");
    storage.sql.exec("DELETE FROM state_mark");
  });
  await storage.sync();
}
