/** What a verb hands to the journal, and what it gets back. */
import type { Actor } from "@claviger/shared/wire/delta";
import type { Change } from "@claviger/shared/wire/record";

/**
 * `giving` widens, `restrictive` takes away, `neutral` is neither. Giving and restrictive changes get an operation
 * that completes when the fleet has confirmed.
 */
export type Effect = "giving" | "neutral" | "restrictive";

/** One organization's change, described by the verb inside its transaction. */
export interface JournalEntry {
  actor: Actor;
  /** `api-key.revoke` */
  action: string;
  effect: Effect;
  reason?: string;
  /** Only for restrictive changes; `drain` when absent. */
  inflight?: "abort" | "drain";
  /** Full records, in order. */
  changes: readonly Change[];
  /**
   * Keys whose `maxStalenessSeconds` bounds this change: the ids of the keys it names, or `all` for a change of
   * another record (LLM key, project, policy). Ignored for neutral changes.
   */
  keys: readonly string[] | "all";
}
