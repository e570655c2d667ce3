/** A question as SQL: every value is bound, every column is written here. */
import type { LogQuestion } from "@claviger/shared/wire/query";
import { ROWS_OF_REQUEST } from "./requests.ts";

export interface BoundSql {
  readonly sql: string;
  readonly values: (string | number)[];
}

/** Newest first, `before` is the number of the last row seen: of the row for logs, of the link for the audit. */
export function questionSql(question: LogQuestion): BoundSql {
  const number = question.kind === "logs" ? "n" : "audit_n";
  const where = [question.kind === "logs" ? "log IS NOT NULL" : "audit_n IS NOT NULL"];
  const values: (string | number)[] = [];
  const add = (condition: string, ...bound: (string | number | undefined)[]) => {
    if (bound.some((value) => value === undefined)) return;
    where.push(condition);
    values.push(...(bound as (string | number)[]));
  };
  add(`${number} < ?`, question.before);
  add("at_ms >= ?", question.fromMs);
  add("at_ms <= ?", question.toMs);
  if (question.kind === "logs") {
    add("key_id = ?", question.keyId);
    add("json_extract(log, '$.model') = ?", question.model);
    add("json_extract(log, '$.provider') = ?", question.provider);
    add("json_extract(log, '$.code') = ?", question.code);
    add("json_extract(log, '$.surface') = ?", question.surface);
    const { requestId } = question;
    add(`n IN (${ROWS_OF_REQUEST})`, requestId, requestId);
  } else {
    const { keyId } = question;
    add(
      "(key_id = ? OR (audit IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(audit, '$.ids') WHERE value = ?)))",
      keyId,
      keyId,
    );
    add("json_extract(audit, '$.action') = ?", question.action);
  }
  values.push(question.limit);
  return { sql: `SELECT * FROM entry WHERE ${where.join(" AND ")} ORDER BY ${number} DESC LIMIT ?`, values };
}
