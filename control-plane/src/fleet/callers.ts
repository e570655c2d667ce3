/**
 * Who makes a call of the HTTPS courier: the replica whose nkey signed it. The bargain: a signature holds for one call,
 * near its time, once in the whole control plane (`nonces.ts`).
 *
 * The time is checked because memory of nonces is not endless. A replica with a wrong clock is not lost by it: each
 * answer tells the time, also the one that refuses, and a caller signs with what it was told (`replica_clock`). It
 * believes that time for signing and for nothing else; freshness comes from signed answers that carry its own nonce.
 */
import { problem } from "@claviger/shared/api/problem";
import {
  type CallContent,
  COURIER_CLOCK_MS_MAX,
  isSignedBy,
  readCallClaim,
} from "@claviger/shared/wire/courier-call";
import { and, eq, isNull } from "drizzle-orm";
import { replica } from "../db/tables/replica.ts";
import type { Ports } from "../ports.ts";
import { detachmentByKey } from "./detachment.ts";
import { nkeyBytes } from "./nkey.ts";
import { createNonces, type TakeNonce } from "./nonces.ts";
import type { Sender } from "./senders.ts";

/** A call of a replica that was detached: `invalid_replica`, with the signed statement that says so. */
export class DetachedCall extends Error {
  override readonly name = "DetachedCall";
  readonly statement: string;

  constructor(statement: string) {
    super("a detached replica called");
    this.statement = statement;
  }
}

/** Resolves to who calls; throws `invalid_replica`, `replica_clock`, `replica_call_repeated`, and `DetachedCall`. */
export type Authenticate = (header: (name: string) => string | null, content: CallContent) => Promise<Sender>;

/** The doorkeeper of one process; what it remembers, all of them do. */
export function createCallers(
  ports: Pick<Ports, "db" | "clock" | "sign">,
  takeNonce: TakeNonce = createNonces(ports.db),
): Authenticate {
  return async (header, content) => {
    const claim = readCallClaim(header);
    const publicBytes = claim && nkeyBytes("user", claim.key);
    if (claim === undefined || publicBytes === undefined) throw problem("invalid_replica");
    if (!(await isSignedBy(publicBytes, content, claim))) throw problem("invalid_replica");
    // Nobody can forge a signature, so only those who have the key are told about time and repetition.
    const offMs = Math.abs(Number(claim.time) - ports.clock.nowMs());
    if (offMs > COURIER_CLOCK_MS_MAX) throw problem("replica_clock");
    const sender = await replicaOf(ports, claim.key);
    if (sender === undefined) {
      const statement = await detachmentByKey(ports, claim.key);
      throw statement === undefined ? problem("invalid_replica") : new DetachedCall(statement);
    }
    if (!(await takeNonce(claim.key, claim.nonce))) throw problem("replica_call_repeated");
    return sender;
  };
}

/** Asked of the database each time: a detached replica is nobody from that commit on. */
async function replicaOf(ports: Pick<Ports, "db">, nkey: string): Promise<Sender | undefined> {
  const [row] = await ports.db
    .select({ orgId: replica.orgId, replicaId: replica.id })
    .from(replica)
    .where(and(eq(replica.nkey, nkey), isNull(replica.goneAt)));
  return row;
}
