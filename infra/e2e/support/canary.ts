/** Looks for a secret in bytes, in every form in which it usually leaks: as it is, in hex, and inside base64. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The stable middle of base64 of anything that contains the text, for the three ways it may be aligned. */
function base64Forms(text: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3));
    const core = whole.toString("base64").slice(offset === 0 ? 0 : 4);
    return [core, core.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** Every byte sequence whose presence means that the text is readable there. */
export function formsOf(text: string): Buffer[] {
  const hex = Buffer.from(text).toString("hex");
  const forms = [text, encodeURIComponent(text), hex, hex.toUpperCase(), ...base64Forms(text)];
  return [...new Set(forms)].map((form) => Buffer.from(form, "latin1"));
}

/** True when the text stands in the bytes in one of its forms. */
export function holds(bytes: Buffer, text: string): boolean {
  return formsOf(text).some((form) => bytes.includes(form));
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
