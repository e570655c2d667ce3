/** The scalars that every message between control plane and gateway is made of. */
import * as z from "zod";

/** `<prefix>_<12 base62>`, e.g. `key_7Hq2mXv9Rt4L`. Opaque to everybody but the one who made it. */
export const Id = z.string().regex(/^[a-z]{2,4}_[0-9A-Za-z]{12}$/);

/** SHA-256 as unpadded base64url: 43 characters. */
export const Digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Unix time in whole milliseconds, and no later than a `Date` can be (ECMA-262, "Time Values"): year 275760. */
export const TimeMs = z.int().min(0).max(8.64e15);

/** The gapless number of an organization's state inside one epoch; 0 is the empty state. */
export const Revision = z.int().min(0);

/** Rises when the database may have lost commits; revisions of different epochs are not comparable. */
export const Epoch = z.int().min(1);

/** The chain value before the first change of an epoch: 32 zero bytes. */
export const GENESIS_CHAIN = "A".repeat(43);
