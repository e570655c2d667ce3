/**
 * What of a server's messages a client sees: of each list what it may use, of changes those that it may read. Lists are
 * known by their shape, so that one is filtered wherever it turns up, also in a stream that was resumed.
 */
import { allowsOffer, allowsUri, type McpRights } from "@claviger/shared/decide/mcp-rights";
import { pinOf } from "@claviger/shared/wire/mcp-pin";
import type { McpOfferKind } from "@claviger/shared/wire/record";
import { isObject, type Json, type JsonObject } from "./json-rpc.ts";
import { fromServers, listChanges } from "./methods.ts";
import type { Sightings } from "./sightings.ts";

/** The lists of results, and what names their entries. */
export const LISTS: readonly {
  readonly member: string;
  readonly kind: McpOfferKind;
  readonly name: string;
}[] = [
  { member: "tools", kind: "tool", name: "name" },
  { member: "prompts", kind: "prompt", name: "name" },
  { member: "resources", kind: "resource", name: "uri" },
  { member: "resourceTemplates", kind: "resource-template", name: "uriTemplate" },
];

/** The message as the client may see it, the same object when all of it; undefined: it may not. */
export async function passFrom(
  rights: McpRights,
  sightings: Sightings,
  message: JsonObject,
): Promise<JsonObject | undefined> {
  if (message.method !== undefined) return passCall(rights, sightings, message);
  const { result } = message;
  if (!isObject(result)) return message;
  const changes: Record<string, Json> = {};
  for (const list of LISTS) {
    const entries = result[list.member];
    if (entries === undefined) continue;
    const kept = await keep(rights, sightings, list, Array.isArray(entries) ? entries : []);
    if (!Array.isArray(entries) || kept.length !== entries.length) changes[list.member] = kept;
  }
  if (Object.keys(changes).length === 0) return message;
  // What one key sees is not for a cache that others share (2026-07-28).
  if (result.cacheScope !== undefined) changes.cacheScope = "private";
  return { ...message, result: { ...result, ...changes } };
}

function passCall(rights: McpRights, sightings: Sightings, message: JsonObject): JsonObject | undefined {
  const { method, params } = message;
  if (typeof method !== "string" || !fromServers.has(method)) return undefined;
  if (listChanges.has(method)) sightings.outdated(rights.server);
  if (method !== "notifications/resources/updated") return message;
  const uri = isObject(params) ? params.uri : undefined;
  const hashOf = sightings.hashOf(rights.server);
  return typeof uri === "string" && allowsUri(rights, uri, hashOf) ? message : undefined;
}

async function keep(
  rights: McpRights,
  sightings: Sightings,
  { kind, name: nameMember }: (typeof LISTS)[number],
  entries: readonly Json[],
): Promise<Json[]> {
  const kept: Json[] = [];
  for (const entry of entries) {
    const name = isObject(entry) ? entry[nameMember] : undefined;
    if (!isObject(entry) || typeof name !== "string") continue;
    const hash = rights.server.newOffers === "accept" ? undefined : await pinOf(kind, entry);
    if (hash !== undefined) sightings.saw(rights.server, { kind, name, hash });
    if (allowsOffer(rights, kind, name, hash)) kept.push(entry);
  }
  return kept;
}
