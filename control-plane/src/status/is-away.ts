/** What the driver and the system say when there is no connection, or it was lost. */
const CODES = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** Connection exceptions, shutdown, start-up, too many connections, a standby (PostgreSQL, appendix A). */
const STATES = /^(?:08...|57P0[1-3]|53300|25006)$/;

/**
 * True for an error by which the database was not there, or was there for reading only: the same query may succeed
 * later. It may even have been committed when the connection was lost in between.
 */
export function isAway(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = "code" in at ? at.code : undefined;
    if (typeof code === "string" && (CODES.has(code) || STATES.test(code))) return true;
    if (at instanceof AggregateError && at.errors.some(isAway)) return true;
  }
  return false;
}
