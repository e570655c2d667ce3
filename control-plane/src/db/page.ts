/**
 * Keyset pagination: a cursor names the last row by its sort value and id, so a page never repeats or skips a row that
 * was there all the time, however many come and go.
 */

import type { ListQuery } from "@claviger/shared/api/list";
import { ApiProblem } from "@claviger/shared/api/problem";
import { asc, desc, type SQL, type SQLWrapper, sql } from "drizzle-orm";

export interface Order {
  readonly expr: SQLWrapper;
  readonly id: SQLWrapper;
  /** Times are compared as whole milliseconds, what the API shows of them. */
  readonly kind: "text" | "number" | "time";
  readonly descending: boolean;
}

/** What a page needs: `value` is selected by lists whose sort value JavaScript could compute differently. */
export interface Paged {
  readonly value: SQL<string>;
  readonly where: SQL | undefined;
  readonly orderBy: SQL[];
}

/** The condition and order of the page that the query asks for; a cursor of another order is refused. */
export function pageWhere(order: Order, query: ListQuery): Paged {
  const value = comparable(order);
  const direction = order.descending ? desc : asc;
  const orderBy = [direction(value), direction(order.id)];
  if (query.after === undefined) return { value, where: undefined, orderBy };
  const [last, id] = readCursor(query.after, order.kind);
  const typed = order.kind === "text" ? sql`${last}::text` : sql`${last}::numeric`;
  const where = order.descending
    ? sql`(${value}, ${order.id}) < (${typed}, ${id}::text)`
    : sql`(${value}, ${order.id}) > (${typed}, ${id}::text)`;
  return { value, where, orderBy };
}

/** Splits what was read (one row more than the page) and makes the next page's cursor. */
export function pageOf<T>(
  rows: readonly T[],
  size: number,
  key: (row: T) => readonly [value: string, id: string],
): { rows: readonly T[]; next: string | null } {
  const page = rows.slice(0, size);
  const last = page.at(-1);
  if (rows.length <= size || last === undefined) return { rows: page, next: null };
  return { rows: page, next: Buffer.from(JSON.stringify(key(last))).toString("base64url") };
}

/** The sort value of a row by its time. */
export function timeValue(time: Date): string {
  return String(time.getTime());
}

function comparable({ expr, kind }: Order): SQL<string> {
  if (kind === "text") return sql`${expr}::text`;
  if (kind === "number") return sql`${expr}::numeric`;
  return sql`floor(extract(epoch from ${expr}) * 1000)::numeric`;
}

function readCursor(text: string, kind: Order["kind"]): [string, string] {
  try {
    const cursor: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (Array.isArray(cursor) && cursor.length === 2) {
      const [last, id] = cursor as unknown[];
      const readable = typeof last === "string" && (kind === "text" || /^-?\d{1,20}$/.test(last));
      if (readable && typeof id === "string" && !`${last}${id}`.includes("\0")) return [last, id];
    }
  } catch {
    // Told below: what cannot be read was not made here.
  }
  throw new ApiProblem([
    {
      code: "invalid_value",
      detail: "page[after] is no cursor of this list in this order.",
      parameter: "page[after]",
    },
  ]);
}
