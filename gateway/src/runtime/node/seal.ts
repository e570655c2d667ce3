/**
 * Sealing of what lies on disk: AES-256-GCM under keys that HKDF derives from the master key. The associated data
 * says what a record is and where it stands, so that none can be moved, swapped or left out unseen.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed record is longer by. */
export const SEAL_BYTES = IV_BYTES + TAG_BYTES;

export interface Sealer {
  seal(plain: Uint8Array, associated: string): Buffer;
  /** undefined unless exactly this was sealed with exactly that associated data. */
  open(sealed: Uint8Array, associated: string): Uint8Array | undefined;
}

/** A sealer under `HKDF(masterKey, salt, info)` (RFC 5869, SHA-256). */
export function createSealer(masterKey: Uint8Array, salt: string, info: string): Sealer {
  const key = Buffer.from(hkdfSync("sha256", masterKey, salt, info, 32));
  return {
    seal(plain, associated) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, iv);
      cipher.setAAD(Buffer.from(associated));
      return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, associated) {
      if (sealed.length < SEAL_BYTES) return undefined;
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, IV_BYTES));
      decipher.setAAD(Buffer.from(associated));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}
