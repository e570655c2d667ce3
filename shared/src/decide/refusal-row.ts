/** What one row of the table of refusals says. */

/** The kinds of error that callers tell apart; the names of OpenAI's API where it has one. */
export type RefusalType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "rate_limit_error"
  | "insufficient_quota"
  | "service_unavailable"
  | "upstream_error"
  | "server_error";

export interface RefusalRow {
  readonly status: number;
  readonly type: RefusalType;
  readonly message: string;
  /** The field or header at fault, when it is always the same. */
  readonly param?: string;
  /** Whole seconds, where trying again helps. */
  readonly retryAfterSeconds?: number;
  /** false where a client would try again by the status, and must not. */
  readonly shouldRetry?: false;
  readonly wwwAuthenticate?: string;
  /** The connection is of no more use. */
  readonly close?: true;
}

type Details = Omit<RefusalRow, "status" | "type" | "message">;

/** Makes rows of one type. */
export const row =
  (type: RefusalType) =>
  (status: number, message: string, details: Details = {}): RefusalRow => ({
    status,
    type,
    message,
    ...details,
  });
