/**
 * "Epoch 4 continues epoch 3 at revision r with chain c" (JWS typ `clv-epoch+jws`): whoever holds exactly that goes on in
 * the new epoch with all that it has. It travels where deltas do, before the first one of its epoch.
 */
import * as z from "zod";
import { Digest, Epoch, Id, Revision } from "./scalars.ts";

export const EpochMessage = z.object({
  v: z.literal(1),
  org: Id,
  epoch: Epoch,
  /** The epoch that is continued, not always the one before. */
  continues: Epoch,
  /** Where it is continued: the last revision of `continues`, and the chain value after it. */
  rev: Revision,
  chain: Digest,
});
export type EpochMessage = z.infer<typeof EpochMessage>;
