/** Signing by the replica's nkey through node:crypto: microseconds, where the bus library takes tens of milliseconds. */
import { createPrivateKey, sign } from "node:crypto";
import { pkcs8Of } from "../../identity/nkey.ts";

/** Ed25519 by a seed in NATS's text form (`SU…`); throws on another text. */
export function signerOf(seed: string): (bytes: Uint8Array) => Uint8Array {
  const key = createPrivateKey({ key: Buffer.from(pkcs8Of(seed)), format: "der", type: "pkcs8" });
  return (bytes) => sign(null, bytes, key);
}
