import { expect, test } from "vitest";
import type { LogEntry } from "./records.ts";
import { stepsOf } from "./steps.ts";

const row = (changes: object) =>
  ({
    ...{ decision: "admitted", code: null, status: 200, streamed: true, model: "echo", provider: "sandbox" },
    ...{ firstByteMs: 40, totalMs: 100 },
    ...changes,
  }) as unknown as LogEntry["attributes"];
const short = (changes: object) =>
  stepsOf(row(changes)).map(({ name, outcome, ms }) =>
    [name, outcome, ms].filter((part) => part !== undefined).join(" "),
  );

test("an admitted request went through everything; what came before its first byte is told from what came after", () => {
  expect(short({})).toEqual([
    "auth passed",
    "limits passed",
    "attempt passed 40",
    "stream passed 60",
    "settle passed",
  ]);
});

test("attempts that failed stand before the one that the caller got", () => {
  const attempts = [{ model: "m", provider: "p", llmKeyId: "llm_x", status: 503, code: "upstream", ms: 7 }];
  expect(short({ attempts })).toContain("attempt failed 7");
});

test("a refusal ends at the station that refused", () => {
  expect(short({ decision: "refused", code: "invalid_api_key", provider: null })[0]).toBe("auth failed");
  expect(short({ decision: "refused", code: "rate_limit_exceeded", provider: null }).slice(0, 3)).toEqual([
    "auth passed",
    "limits failed",
    "attempt skipped",
  ]);
});
