/**
 * How verbs say no. Status and words come from the one table in `decide/refusals`; what is added here is where in the
 * request the fault lies.
 */
import { type RefusalCode, refusals } from "../decide/refusals.ts";

/** One finding: `pointer` is a JSON pointer into the body, `parameter` a query parameter, `header` a header. */
export interface Finding {
  readonly code: RefusalCode;
  /** Instead of the table's sentence. */
  readonly detail: string;
  readonly pointer?: string;
  readonly parameter?: string;
  readonly header?: string;
}

/** What only some problems carry. */
export interface ProblemExtra {
  /** The present resource, with `edit_conflict`. */
  readonly resource?: object;
  readonly revision?: string;
  /** Seconds, sent as `retry-after`. */
  readonly retryAfterSeconds?: number;
  /** Methods, with `method_not_allowed`. */
  readonly allow?: readonly string[];
}

/** The one error that verbs throw: an outcome that the caller is told about, in words meant for strangers. */
export class ApiProblem extends Error {
  readonly findings: readonly [Finding, ...Finding[]];
  readonly extra: ProblemExtra;

  constructor(findings: readonly [Finding, ...Finding[]], extra: ProblemExtra = {}) {
    super(findings[0].detail);
    this.name = "ApiProblem";
    this.findings = findings;
    this.extra = extra;
  }

  get code(): RefusalCode {
    return this.findings[0].code;
  }
}

/** A problem with one finding and no place in the body; the table's sentence unless another is given. */
export function problem(code: RefusalCode, detail?: string, extra?: ProblemExtra): ApiProblem {
  return new ApiProblem([{ code, detail: detail ?? refusals[code].message }], extra);
}

/** `invalid_value` at `/data/attributes/<attribute>`. */
export function invalidAttribute(attribute: string, detail: string): ApiProblem {
  return new ApiProblem([{ code: "invalid_value", detail, pointer: `/data/attributes/${attribute}` }]);
}

/** Foreign and unknown ids get the same answer, so that ids tell nothing; `attribute` when the body named it. */
export function notFound(noun: string, attribute?: string): ApiProblem {
  const detail = `There is no such ${noun}.`;
  if (attribute === undefined) return problem("not_found", detail);
  return new ApiProblem([{ code: "not_found", detail, pointer: `/data/attributes/${attribute}` }]);
}
