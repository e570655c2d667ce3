/** What the API takes and shows of an ephemeral token (API.md §2). */
import * as z from "zod";
import { allowances } from "./api-key.ts";

export const TOKEN_SECONDS_DEFAULT = 3600;
/** RFC 6749 tokens of agents live no longer than this. */
export const AGENT_TOKEN_SECONDS_MAX = 3600;
export const TOKEN_SECONDS_MIN = 30;
/** 24 hours. */
export const TOKEN_SECONDS_MAX = 86_400;

/** Every list and limit narrows what the parent may; absent or null narrows nothing. */
export const EphemeralTokenCreate = z.strictObject({
  ttlSeconds: z
    .int()
    .min(TOKEN_SECONDS_MIN, "must be at least 30")
    .max(TOKEN_SECONDS_MAX, "must not exceed 86400")
    .optional(),
  ...allowances,
});
export type EphemeralTokenCreate = z.infer<typeof EphemeralTokenCreate>;

export interface EphemeralTokenView {
  /** The key, or the agent, that it lives and dies with; null when it was made instead of a key. */
  readonly keyId: string | null;
  readonly createdAt: string;
  readonly expiresAt: string;
  /** Killed before its time. */
  readonly revoked: boolean;
}
