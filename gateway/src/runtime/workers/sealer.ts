/**
 * Sealing of what lies in the object's storage: AES-256-GCM under a key that HKDF derives from the master key. The
 * associated data says what a record is and where it stands, so that none can be moved or swapped unseen.
 */

const IV_BYTES = 12;

export interface Sealer {
  seal(plain: Uint8Array, associated: string): Promise<Uint8Array>;
  /** undefined unless exactly this was sealed with exactly that associated data. */
  open(sealed: Uint8Array, associated: string): Promise<Uint8Array | undefined>;
}

/** A sealer under `HKDF(masterKey, salt, info)` (RFC 5869, SHA-256). */
export function createSealer(masterKey: Uint8Array, salt: string, info: string): Sealer {
  const key = derive(masterKey, salt, info);
  return {
    async seal(plain, associated) {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const sealed = await crypto.subtle.encrypt(settings(iv, associated), await key, plain as BufferSource);
      const whole = new Uint8Array(IV_BYTES + sealed.byteLength);
      whole.set(iv);
      whole.set(new Uint8Array(sealed), IV_BYTES);
      return whole;
    },
    async open(sealed, associated) {
      const iv = sealed.subarray(0, IV_BYTES);
      const rest = sealed.subarray(IV_BYTES) as BufferSource;
      try {
        return new Uint8Array(await crypto.subtle.decrypt(settings(iv, associated), await key, rest));
      } catch {
        return undefined;
      }
    },
  };
}

function settings(iv: Uint8Array, associated: string) {
  return { name: "AES-GCM", iv: iv as BufferSource, additionalData: new TextEncoder().encode(associated) };
}

async function derive(masterKey: Uint8Array, salt: string, info: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", masterKey as BufferSource, "HKDF", false, ["deriveKey"]);
  const encoder = new TextEncoder();
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: encoder.encode(salt), info: encoder.encode(info) },
    base,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}
