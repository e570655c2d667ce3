/** Wraps small secrets under the key-encryption key: AES-256-GCM, the context as associated data. */
import type { Vault } from "../../ports.ts";

/** First byte of everything that is wrapped, for the day there is another form. */
const FORM = 1;

/** A vault over a key of 32 bytes. Unwrapping under another key or context throws. */
export async function createVault(kek: Uint8Array): Promise<Vault> {
  const key = await crypto.subtle.importKey("raw", new Uint8Array(kek), "AES-GCM", false, [
    "encrypt",
    "decrypt",
  ]);
  return {
    async wrap(plain, context) {
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const additionalData = new TextEncoder().encode(context);
      const sealed = await crypto.subtle.encrypt(
        { name: "AES-GCM", iv, additionalData },
        key,
        new Uint8Array(plain),
      );
      return Buffer.concat([Buffer.from([FORM]), iv, new Uint8Array(sealed)]);
    },
    async unwrap(wrapped, context) {
      if (wrapped[0] !== FORM) throw new Error("not a form of wrapped secret that this version knows");
      const iv = new Uint8Array(wrapped.subarray(1, 13));
      const additionalData = new TextEncoder().encode(context);
      try {
        const sealed = new Uint8Array(wrapped.subarray(13));
        return new Uint8Array(
          await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed),
        );
      } catch (cause) {
        throw new Error(`${context} was not wrapped under this key-encryption key (CLAVIGER_KEK)`, { cause });
      }
    },
  };
}
