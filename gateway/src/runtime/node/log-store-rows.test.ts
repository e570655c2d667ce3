import { LogRow } from "@claviger/shared/wire/query";
import { expect, test } from "vitest";
import { refusedEntry, settledEntry } from "../../logs/entries.ts";
import { flatEntry, INSERT_COLUMNS, logRow, type Row } from "../../logs/store/rows.ts";
import { settlement } from "../../logs/testing/rig.ts";
import type { LogEntry } from "../../ports.ts";

/** As the store reads what it has written of an entry. */
function rowOf(entry: LogEntry): LogRow {
  const flat = flatEntry(entry);
  const columns = Object.fromEntries(INSERT_COLUMNS.map((name, at) => [name, flat[at] ?? null]));
  return LogRow.parse(logRow({ ...columns, n: 7 } as unknown as Row));
}

test("a line of the log says the decision, and what a request has cost as far as that is known", () => {
  const done = settlement("req_000000000001");
  expect(rowOf(settledEntry({ ...done, spent: { cost: "1500", priceRev: 3 } }))).toMatchObject({
    ...{ n: 7, decision: "admitted", cost: "1500", metadata: { team: "blue" } },
  });
  const failed = rowOf(settledEntry({ ...done, status: 502, code: "provider_error", spent: { cost: null } }));
  expect([failed.decision, failed.code, failed.cost]).toEqual(["admitted", "provider_error", undefined]);
  const refused = refusedEntry(done.facts, done.admission.key, "key_revoked", 401);
  expect(rowOf(refused)).toMatchObject({ decision: "refused", code: "key_revoked", tokens: null });
});

test("a line of the last attempt names those before it", () => {
  const earlier = [
    {
      model: "echo",
      provider: "sandbox",
      llmKeyId: "llm_000000000002",
      status: 502,
      code: "provider_error",
      ms: 4.5,
    },
  ];
  const row = rowOf(settledEntry({ ...settlement("req_000000000001"), attempt: 2, earlier }));
  expect([row.attempt, row.attempts]).toEqual([2, earlier]);
});
