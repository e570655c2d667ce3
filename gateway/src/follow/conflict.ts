/** A later process speaks for this replica: a copy of its folder runs somewhere. */
export function isConflict(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "replica_conflict";
}
