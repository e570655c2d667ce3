/**
 * The knock (PROTOCOL §2.12): what the control plane posts to the public URL of a replica that it does not see, most often
 * a sleeping Durable Object. What it carries is signed like everything else; the knock itself proves nothing. The answer
 * is the replica's heartbeat, byte for byte the call that it would make to `courierPaths.heartbeat`: the body, and the
 * four headers of `courier-call.ts` that sign it.
 */
import * as z from "zod";
import { Id } from "./scalars.ts";

/** Below the replica's public URL. */
export const KNOCK_PATH = "/_cp/v1/push";

export const Knock = z.object({
  v: z.literal(1),
  replica: Id,
  /** Delta and epoch JWSs after what the replica last confirmed, ≤ 256 KiB together. */
  messages: z.array(z.string()),
  /** The answer to the heartbeat that the replica gave to the knock before this one. */
  fresh: z.string().optional(),
});
export type Knock = z.infer<typeof Knock>;
