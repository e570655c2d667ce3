/** From a body of the bus to what its schema makes of it. As strict as over HTTPS: what could be read in two ways is refused. */
import { scanJson } from "@claviger/shared/decide/scan-json";
import type * as z from "zod";

export type ReadMessage =
  | { readonly kind: "read"; readonly value: unknown }
  | { readonly kind: "refused"; readonly code: "invalid_json" | "invalid_value"; readonly why: string };

/** The message, or why it is none; `code` is the one that HTTPS answers with. */
export function readMessage(bytes: Uint8Array, schema: z.ZodType): ReadMessage {
  const scan = scanJson(bytes, new Set());
  if (scan.kind === "invalid") return { kind: "refused", code: "invalid_json", why: scan.fault };
  const body: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (holdsNul(body)) return { kind: "refused", code: "invalid_value", why: "U+0000 is no text to keep" };
  const read = schema.safeParse(body);
  if (read.success) return { kind: "read", value: read.data };
  const [issue] = read.error.issues;
  return { kind: "refused", code: "invalid_value", why: `${issue?.path.join(".")}: ${issue?.code}` };
}

/** U+0000 is JSON and yet no text that a database keeps; also in names. */
function holdsNul(value: unknown): boolean {
  if (typeof value === "string") return value.includes("\0");
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, inner]) => name.includes("\0") || holdsNul(inner));
}
