/**
 * What a tool, prompt, resource or template of an MCP server is accepted as: SHA-256 of its definition with the members of
 * every object in the order of their names. Of a resource what changes with its content is left out.
 */
import { toBase64Url } from "./chain.ts";
import type { McpOfferKind } from "./record.ts";

/** Nobody describes a tool deeper than that. */
const DEPTH_MAX = 64;

/** Size and time of last change are the content's, not the resource's. */
const CONTENT: readonly string[] = ["size", "annotations", "_meta"];

/** The hash to pin, base64url; undefined when the definition is nested deeper than 64 levels, which is never accepted. */
export async function pinOf(
  kind: McpOfferKind,
  definition: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  const kept =
    kind === "resource"
      ? Object.fromEntries(Object.entries(definition).filter(([name]) => !CONTENT.includes(name)))
      : definition;
  const text = canonical(kept, DEPTH_MAX);
  if (text === undefined) return undefined;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${kind}\n${text}`));
  return toBase64Url(new Uint8Array(digest));
}

/** JSON of a value that came as JSON; undefined when it is too deep. */
function canonical(value: unknown, depth: number): string | undefined {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (depth === 0) return undefined;
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (const entry of value) {
      const text = canonical(entry, depth - 1);
      if (text === undefined) return undefined;
      parts.push(text);
    }
    return `[${parts.join(",")}]`;
  }
  for (const [name, entry] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = canonical(entry, depth - 1);
    if (text === undefined) return undefined;
    parts.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${parts.join(",")}}`;
}
