/**
 * The provider's bill against the control plane's usage, attempt by attempt: those whose request id the caller was told one
 * by one, all others (callers that left, gateways that were killed) together.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type postgres from "postgres";
import type { LedgerEntry } from "../../sandbox-provider/ledger.ts";

/** Nano-dollars. */
export interface Bill {
  readonly mark: string;
  readonly nanos: bigint;
}

export interface UsageRow {
  readonly requestId: string;
  readonly attempt: number;
  /** Null: nobody knows. */
  readonly cost: bigint | null;
  readonly basis: string;
}

export interface Ledgers {
  readonly billed: readonly Bill[];
  readonly rows: readonly UsageRow[];
  /** By the mark of a request, the id that its answer named. */
  readonly answered: ReadonlyMap<string, string>;
}

/** What the sandbox provider has billed for requests whose mark begins so. */
export async function readBill(sandboxUrl: string, sinceMs: number, marks: string): Promise<Bill[]> {
  const answer = await fetch(`${sandboxUrl}/__ledger?since=${sinceMs}`);
  return ((await answer.json()) as LedgerEntry[])
    .map(({ mark = "", nanos }) => ({ mark, nanos: BigInt(nanos) }))
    .filter(({ mark, nanos }) => nanos > 0n && mark.startsWith(marks));
}

export async function readUsage(sql: postgres.Sql, keyId: string): Promise<UsageRow[]> {
  const rows = await sql<{ request_id: string; attempt: number; cost: string | null; basis: string }[]>`
    select event->>'requestId' as request_id, coalesce((event->>'attempt')::int, 1) as attempt,
      cost_n::text as cost, event->>'basis' as basis
    from usage_event where key_id = ${keyId} and kind = 'settled'`;
  return rows.map(({ request_id: requestId, attempt, cost, basis }) => ({
    ...{ requestId, attempt, basis },
    cost: cost === null ? null : BigInt(cost),
  }));
}

/** As `compareLedgers`; what was compared is left in a file, which the sentence names. */
export function compareAndKeep(ledgers: Ledgers, hard: boolean): void {
  try {
    compareLedgers(ledgers, hard);
  } catch (error) {
    const file = join(mkdtempSync(join(tmpdir(), "claviger-ledgers-")), "ledgers.json");
    const answered = Object.fromEntries(ledgers.answered);
    const plain = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
    writeFileSync(file, JSON.stringify({ ...ledgers, answered }, plain, 1));
    throw new Error(`${error instanceof Error ? error.message : error} (${file})`);
  }
}

/**
 * Throws with a sentence unless there is exactly one row for each billed attempt, one whose `basis` is `provider` says what
 * was billed, and all others make up exactly the difference; `hard`: and each of those says at least what was billed.
 */
export function compareLedgers({ billed, rows, answered }: Ledgers, hard: boolean): void {
  const seen = new Set<string>();
  for (const { requestId, attempt } of rows) {
    const name = `${requestId}.${attempt}`;
    if (seen.has(name)) throw new Error(`attempt ${name} is counted twice`);
    seen.add(name);
  }
  const billsOf = Map.groupBy(billed, ({ mark }) => answered.get(mark) ?? "");
  const known = new Set(answered.values());
  const rowsOf = Map.groupBy(rows, ({ requestId }) => (known.has(requestId) ? requestId : ""));
  for (const requestId of new Set([...billsOf.keys(), ...rowsOf.keys()])) {
    const what = requestId === "" ? "those that nobody was answered" : requestId;
    agree(what, billsOf.get(requestId) ?? [], rowsOf.get(requestId) ?? [], hard);
  }
}

function agree(what: string, billed: readonly Bill[], rows: readonly UsageRow[], hard: boolean): void {
  const left = new Map<bigint, number>();
  for (const { nanos } of billed) left.set(nanos, (left.get(nanos) ?? 0) + 1);
  for (const { cost, basis } of rows) {
    if (basis !== "provider" || cost === 0n) continue;
    const n = cost === null ? 0 : (left.get(cost) ?? 0);
    if (cost === null || n === 0)
      throw new Error(`${what}: a row of ${cost} is of no attempt that was billed`);
    left.set(cost, n - 1);
  }
  const unmatched = [...left].flatMap(([nanos, n]) => Array.from({ length: n }, () => nanos));
  const unsure = rows.filter(({ basis }) => basis !== "provider").map(({ cost }) => cost);
  if (unmatched.length > unsure.length)
    throw new Error(`${what}: ${unmatched.length - unsure.length} billed attempts have no row`);
  if (!hard) return;
  const descending = (a: bigint, b: bigint) => (a < b ? 1 : -1);
  const most = unsure.map((cost) => cost ?? 0n).sort(descending);
  for (const [n, nanos] of unmatched.sort(descending).entries())
    if (nanos > (most[n] ?? 0n)) throw new Error(`${what}: ${nanos} were billed and ${most[n]} counted`);
}
