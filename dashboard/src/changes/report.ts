import type { OperationView } from "@claviger/shared/sync/operation";
import { progressOf } from "../api/operation.ts";

/** The state of a change as plain text with exact times, to paste into an incident's log. */
export function reportOf(title: string, operation: OperationView): string {
  const lines = progressOf(operation).map(({ name, state, confirmedAt, refusesBy, lastSeen }) =>
    [
      name,
      state,
      confirmedAt && `confirmed at ${confirmedAt}`,
      refusesBy && `refuses by ${refusesBy}`,
      state === "unreachable" && lastSeen && `last seen ${lastSeen}`,
    ]
      .filter((part) => typeof part === "string")
      .join(", "),
  );
  return [
    title,
    `operation ${operation.id}, revision ${operation.revision}, ${operation.status}`,
    ...(operation.committedAt === undefined ? [] : [`changed at ${operation.committedAt}`]),
    ...lines,
  ].join("\n");
}
