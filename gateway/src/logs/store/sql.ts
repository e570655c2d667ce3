/** The replica's local database, as far as the logs use it. Each runtime has one: a statement is prepared once and kept. */

export type SqlValue = string | number | bigint | null | Uint8Array | ArrayBuffer;
export type SqlRow = Readonly<Record<string, SqlValue>>;
type Bound = string | number | null;

export interface SqlStatement {
  all(...values: Bound[]): SqlRow[];
  get(...values: Bound[]): SqlRow | undefined;
  iterate(...values: Bound[]): Iterable<SqlRow>;
  run(...values: Bound[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
}

export interface SqlStore {
  prepare(sql: string): SqlStatement;
  /** Several statements without values. */
  exec(sql: string): void;
  /** All of the writes of `work`, or none when it throws. */
  tx<T>(work: () => T): T;
  /** The reads of `work` see one state. */
  view<T>(work: () => T): T;
  /** What rows take, in bytes. */
  usedBytes(): number;
}

/** The next link of the audit chain: base64url SHA-256 of the bytes of the one before and of this text. */
export type Link = (before: string, text: string) => string;
