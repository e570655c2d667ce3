/**
 * What an MCP server gives, whoever asks: to which projects, and what of that which it offers. The same answer for what is
 * listed and for what is called. The law of `effectOfServer` is that of `restrictive.ts`: if it does not say `restrictive`,
 * all that was given before is given after.
 */
import type { McpOfferKind, McpPin, McpServerRecord } from "../wire/record.ts";
import type { Effect } from "./restrictive.ts";

/** May keys of this project use the server at all? */
export function servesProject(server: McpServerRecord, projectId: string): boolean {
  return server.enabled && (server.projectIds === null || server.projectIds.includes(projectId));
}

/**
 * Does the server give this tool, prompt, resource or template, as its definition is now (`pinOf` of it)? Without a
 * hash nobody knows what it is now: only `accept` gives it then.
 */
export function isAccepted(
  server: McpServerRecord,
  kind: McpOfferKind,
  name: string,
  hash: string | undefined,
): boolean {
  const pin = pinsOf(server.pins).get(keyOf(kind, name));
  if (pin?.hash === null) return false;
  return server.newOffers === "accept" || (pin !== undefined && pin.hash === hash);
}

/** The effect of replacing one record of a server by another; a new server only gives. */
export function effectOfServer(before: McpServerRecord | undefined, after: McpServerRecord): Effect {
  if (before === undefined) return "giving";
  const sameServer =
    before.name === after.name && before.url === after.url && before.secretVersion === after.secretVersion;
  if (!sameServer || !coversServer(after, before)) return "restrictive";
  return coversServer(before, after) ? "neutral" : "giving";
}

/** True when `outer` gives all that `inner` gives. */
function coversServer(outer: McpServerRecord, inner: McpServerRecord): boolean {
  if (!inner.enabled || inner.projectIds?.length === 0) return true;
  return outer.enabled && coversProjects(outer, inner) && coversOffers(outer, inner);
}

function coversProjects({ projectIds: outer }: McpServerRecord, { projectIds: inner }: McpServerRecord) {
  if (outer === null) return true;
  return inner?.every((id) => outer.includes(id)) ?? false;
}

function coversOffers(outer: McpServerRecord, inner: McpServerRecord): boolean {
  const mine = pinsOf(outer.pins);
  const theirs = pinsOf(inner.pins);
  if (inner.newOffers === "pending") {
    return inner.pins.every(({ kind, name, hash }) => hash === null || isAccepted(outer, kind, name, hash));
  }
  if (outer.newOffers === "pending") return false;
  // Both give whatever they do not refuse.
  return [...mine].every(([key, { hash }]) => hash !== null || theirs.get(key)?.hash === null);
}

const made = new WeakMap<readonly McpPin[], ReadonlyMap<string, McpPin>>();

/** Records are never changed in place, so this is made once for each. */
function pinsOf(pins: readonly McpPin[]): ReadonlyMap<string, McpPin> {
  let found = made.get(pins);
  if (found === undefined) {
    found = new Map(pins.map((pin) => [keyOf(pin.kind, pin.name), pin]));
    made.set(pins, found);
  }
  return found;
}

function keyOf(kind: McpOfferKind, name: string): string {
  return `${kind} ${name}`;
}
