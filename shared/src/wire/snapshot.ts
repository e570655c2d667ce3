/** The whole state at one revision (JWS typ `clv-snap+jws`), its records in content-addressed pages of ≤ 512 KiB. */
import * as z from "zod";
import { Change } from "./record.ts";
import { Digest, Epoch, Id, Revision, TimeMs } from "./scalars.ts";

export const Snapshot = z.object({
  v: z.literal(1),
  org: Id,
  epoch: Epoch,
  rev: Revision,
  chain: Digest,
  cpTimeMs: TimeMs,
  /** SHA-256 of each page's exact bytes, in order. */
  pages: z.array(Digest).max(10_000),
});
export type Snapshot = z.infer<typeof Snapshot>;

/** A page is the JSON of this. */
export const Page = z.array(Change);
export type Page = z.infer<typeof Page>;
