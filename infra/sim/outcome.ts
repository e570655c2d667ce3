/** What a history has come to. */
import type { Violation } from "./oracle.ts";

export interface Outcome {
  readonly violations: readonly Violation[];
  readonly admissions: number;
  readonly operations: number;
  readonly confirmations: number;
}
