/** Digests and identifiers on Node: one-shot and synchronous, because they stand on every request's path. */

import { hash, randomFillSync } from "node:crypto";
import { HASH_DOMAIN } from "@claviger/shared/key/secret";
import type { Crypto } from "../../ports.ts";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 12;

export function createCrypto(): Crypto {
  const pool = new Uint8Array(8192);
  let used = pool.length;
  /** A digit without bias: bytes from 248 on are thrown away. */
  const digit = (): string => {
    for (;;) {
      if (used === pool.length) {
        randomFillSync(pool);
        used = 0;
      }
      const byte = pool[used++] as number;
      if (byte < 248) return DIGITS[byte % 62] as string;
    }
  };
  return {
    keyHash: (secret) => hash("sha256", HASH_DOMAIN + secret, "base64url"),
    randomId() {
      let id = "";
      for (let i = 0; i < ID_LENGTH; i++) id += digit();
      return id;
    },
  };
}
