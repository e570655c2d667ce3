/**
 * "This replica is detached", said once and for ever (JWS typ `clv-detached+jws`): over the bus before its credentials
 * end, as the answer to a heartbeat, and in a header of every HTTPS call that its key still signs. It is signed because
 * it ends a gateway: a refusal that anybody on the way can make must not. Nothing in it can be replayed: a replica that
 * was detached never comes back, and no other takes it for its own.
 */
import { decodeProtectedHeader } from "jose";
import * as z from "zod";
import { Id, TimeMs } from "./scalars.ts";

export const Detached = z.object({ v: z.literal(1), org: Id, replica: Id, atMs: TimeMs });
export type Detached = z.infer<typeof Detached>;

/** Longer is none of ours. */
const CHARS_MAX = 4_096;

/** True when the message says that it is one; nothing of it is verified. */
export function claimsDetached(jws: string): boolean {
  if (jws.length > CHARS_MAX) return false;
  try {
    return decodeProtectedHeader(jws).typ === "clv-detached+jws";
  } catch {
    return false;
  }
}
