/** Refusals on their way out: before an answer has begun, and inside a stream that has. */
import { type EventDialect, problemEventOf, problemOf } from "@claviger/shared/decide/problem";
import type { Refusal } from "@claviger/shared/decide/refusals";
import type { Answer } from "../ports.ts";
import type { Shape } from "./surfaces.ts";

const encoder = new TextEncoder();

/** Answers with the refusal in the surface's own shape and returns the status. `ours` are the headers that stand on every answer. */
export function sendProblem(
  answer: Answer,
  refusal: Refusal,
  dialect: Shape,
  ours: readonly string[],
  requestId: string,
): number {
  const problem = problemOf(refusal, dialect, requestId);
  const body = encoder.encode(problem.body);
  const head = [...ours, "content-length", String(body.length)];
  for (const [name, value] of Object.entries(problem.headers)) {
    if (name !== "x-request-id") head.push(name, value);
  }
  answer.head(problem.status, head);
  answer.end(body);
  return problem.status;
}

/** Ends a stream. Two line ends first: an event that was cut must not swallow this one. */
export function streamError(refusal: Refusal, dialect: EventDialect, requestId: string): Uint8Array {
  return encoder.encode(`\n\n${problemEventOf(refusal, dialect, requestId)}`);
}
