/** Digests and identifiers on workerd, synchronous because they stand on every request's path. */
import { createHash } from "node:crypto";
import { HASH_DOMAIN } from "@claviger/shared/key/secret";
import type { Crypto } from "../../ports.ts";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 12;

export function sha256(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("base64url");
}

export function createCrypto(): Crypto {
  return {
    keyHash: (secret) => sha256(HASH_DOMAIN + secret),
    randomId() {
      let id = "";
      while (id.length < ID_LENGTH) {
        // Bytes from 248 on are thrown away: a digit without bias.
        for (const byte of crypto.getRandomValues(new Uint8Array(ID_LENGTH + 2))) {
          if (byte < 248 && id.length < ID_LENGTH) id += DIGITS[byte % 62];
        }
      }
      return id;
    },
  };
}
