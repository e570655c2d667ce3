import type { Rotate } from "@claviger/shared/api/api-key";
import { problem } from "@claviger/shared/api/problem";
import { hashSecret } from "@claviger/shared/key/secret";
import type { KeyHash } from "@claviger/shared/wire/record";
import type { Changed } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { changeKey, type Planned, type SystemScope } from "./change.ts";
import { type KeyKind, remakeSecretOf } from "./kind.ts";
import type { KeyRow } from "./record.ts";
import { endGraces } from "./set-status.ts";
import type { KeyResource } from "./view.ts";

/** As many as a record holds; the oldest tombstones go first and are then unknown instead of rotated. */
const HASHES_MAX = 64;

/** A new secret, shown once. The old one stops at once, or works until the grace ends; one before it never longer. */
export async function rotateKey(
  ports: Ports,
  caller: Caller,
  id: string,
  input: Rotate,
  kind: KeyKind = "key",
): Promise<Changed<KeyResource>> {
  const graceSeconds = input.graceSeconds ?? 0;
  const plan = async (row: KeyRow, nowMs: number): Promise<Planned> => {
    requireUsable(row, nowMs);
    const { secret, preview } = remakeSecretOf(kind, row.id, ports);
    const generation = row.generation + 1;
    const notAfterMs = graceSeconds === 0 ? 0 : nowMs + graceSeconds * 1000;
    const old = endGraces(row.hashes).map(
      (hash): KeyHash => ({
        ...hash,
        notAfterMs: hash.notAfterMs ?? notAfterMs,
      }),
    );
    const hashes = [...old, { hash: await hashSecret(secret), generation, notAfterMs: null }];
    return {
      set: { generation, hashes: hashes.slice(-HASHES_MAX), preview },
      verb: "rotate",
      inflight: "drain",
      secretKey: secret,
    };
  };
  return changeKey(ports, caller, id, plan, kind);
}

/** Nobody is shown a new secret that works nowhere. An inactive key may be rotated: it goes on when it is activated. */
function requireUsable(row: KeyRow, nowMs: number): void {
  if (row.status === "revoked") {
    throw problem("state_conflict", "This key is revoked. Activate it first, or create a new key.");
  }
  if (row.expiresAt !== null && row.expiresAt.getTime() <= nowMs) {
    throw problem(
      "state_conflict",
      "This key has expired. Set a new expiry date first, or create a new key.",
    );
  }
}

/** Ends a running grace now; without one there is a conflict. */
export function endRotation(
  ports: Ports,
  caller: Caller | SystemScope,
  id: string,
  kind: KeyKind = "key",
): Promise<Changed<KeyResource>> {
  const plan = (row: KeyRow, nowMs: number): Planned => {
    const runs = row.hashes.some((hash) => hash.notAfterMs !== null && hash.notAfterMs > nowMs);
    if (!runs) throw problem("state_conflict", "No grace is running.");
    return { set: { hashes: endGraces(row.hashes) }, verb: "end-rotation", inflight: "drain" };
  };
  return changeKey(ports, caller, id, plan, kind);
}
