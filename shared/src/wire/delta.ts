/**
 * One revision's changes, signed by the control plane (JWS typ `clv-delta+jws`). One delta is one database
 * transaction. The chain value after it is `SHA-256(prev || SHA-256(payload))` over the exact payload bytes, so it is
 * computed by whoever holds the delta and not carried in it.
 */
import * as z from "zod";
import { Change } from "./record.ts";
import { Digest, Epoch, Id, Revision, TimeMs } from "./scalars.ts";

/** Who did it: a member, a token of a member, the operator, or the system itself. */
export const Actor = z.object({
  kind: z.enum(["member", "token", "operator", "system"]),
  id: z.string().max(64),
  /** E-mail or name, as it stood at the time. */
  name: z.string().max(256),
});
export type Actor = z.infer<typeof Actor>;

/** What the change was, as the audit names it: noun and verb. */
export const Action = z.string().regex(/^[a-z-]+\.[a-z-]+$/);

/** Records in one delta. */
export const CHANGES_MAX = 1000;

export const Delta = z.object({
  v: z.literal(1),
  org: Id,
  epoch: Epoch,
  rev: Revision,
  /** Chain value of the revision before. */
  prev: Digest,
  atMs: TimeMs,
  actor: Actor,
  /** e.g. `api-key.create`, `api-key.revoke`, `llm-api-key.delete`. */
  action: Action,
  reason: z.string().max(1000).optional(),
  restrictive: z.boolean(),
  /** What happens to requests in flight of what the change takes away. */
  inflight: z.enum(["abort", "drain"]),
  operation: Id.nullable(),
  changes: z.array(Change).max(CHANGES_MAX),
});
export type Delta = z.infer<typeof Delta>;
