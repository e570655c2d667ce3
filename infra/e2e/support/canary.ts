/** Looks for secrets in bytes, in every form in which they usually leak: as they are, in JSON, in hex, inside base64. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { base32 } from "../../../control-plane/src/fleet/nkey.ts";

/** The stable middle of base64 of anything that contains the bytes, for the three ways they may be aligned. */
function base64Forms(secret: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), secret]);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3));
    const core = whole.toString("base64").slice(offset === 0 ? 0 : 4);
    return [core, core.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** The text as a JSON string has it, as JSON inside JSON has it, and with the slash that some writers escape. */
function escapedForms(text: string): string[] {
  const once = JSON.stringify(text).slice(1, -1);
  const twice = JSON.stringify(once).slice(1, -1);
  return [once, twice, once.replaceAll("/", "\\/"), encodeURIComponent(text)];
}

/** Every byte sequence whose presence means that the secret is readable there. */
export function formsOf(secret: string | Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret as string);
  const hex = bytes.toString("hex");
  // A NATS seed is base32 of two bytes, the key and a checksum.
  const seed = base32(Buffer.concat([Buffer.alloc(2), bytes])).slice(4, -1);
  const texts = [hex, hex.toUpperCase(), seed, ...base64Forms(bytes)];
  if (typeof secret === "string") texts.push(...escapedForms(secret));
  const forms = [bytes, ...texts.map((text) => Buffer.from(text))];
  return [...new Map(forms.map((form) => [form.toString("latin1"), form])).values()];
}

/** Returns the names of the secrets that stand in the bytes in one of their forms; one pass for all of them. */
export type Search = (bytes: Buffer) => string[];

/** A search for these secrets, each of 8 bytes or more, by what they are. */
export function createSearch(secrets: ReadonlyMap<string, string | Uint8Array>): Search {
  const starting = new Map<number, { name: string; form: Buffer }[]>();
  // Which three bytes something begins with: most places in a file are passed over by this alone.
  const begins = new Uint8Array(1 << 24);
  for (const [name, secret] of secrets) {
    if (secret.length < 8) throw new Error(`${name} is too short to be told from chance`);
    for (const form of formsOf(secret)) {
      const start = form.readUIntBE(0, 3);
      begins[start] = 1;
      starting.set(start, [...(starting.get(start) ?? []), { name, form }]);
    }
  }
  return (bytes) => {
    const found = new Set<string>();
    let last = 0;
    for (let at = 0; at < bytes.length; at++) {
      last = ((last << 8) | (bytes[at] as number)) & 0xffffff;
      if (at < 2 || begins[last] === 0) continue;
      for (const { name, form } of starting.get(last) ?? []) {
        const from = at - 2;
        if (!found.has(name) && bytes.subarray(from, from + form.length).equals(form)) found.add(name);
      }
    }
    return [...found];
  };
}

/** Every file below a folder; files that vanish while we read are passed over. */
export function* filesBelow(folder: string): Generator<{ path: string; bytes: Buffer }> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    try {
      yield { path, bytes: readFileSync(path) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
