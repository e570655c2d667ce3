/**
 * What a principal may do with MCP now: the key's own policy, a token's claims beside it, and what the server gives. One
 * answer for what is listed and for what is called. A key that has a list of tools for a server has those tools and
 * nothing else there: a resource or a prompt could say what a tool that it has not may.
 */
import type { McpOfferKind, McpPolicy, McpServerRecord } from "../wire/record.ts";
import type { Principal } from "./admit.ts";
import { allowsServer, allowsTool } from "./mcp.ts";
import { isAccepted, servesProject } from "./mcp-server.ts";
import { type Refusal, refuse } from "./refusals.ts";
import { hasSteps, matchesTemplate, mayMean, spellingsOf } from "./uri-template.ts";
import type { TableView } from "./view.ts";

/** The hash of a definition as it is now (`pinOf`); undefined: not known. */
export type HashOf = (kind: McpOfferKind, name: string) => string | undefined;

/** The rights of one principal at one server, by the table as it was when they were asked for. */
export interface McpRights {
  readonly server: McpServerRecord;
  /** The policies that hold together. */
  readonly policies: readonly McpPolicy[];
  /** Where the table stood. */
  readonly epoch: number;
  readonly rev: number;
}

/** The server of that name, byte for byte, for this principal. A server that is not there is one that is not allowed. */
export function admitMcpServer(view: TableView, principal: Principal, name: string): McpRights | Refusal {
  const policies = policiesOf(principal);
  if (policies.some(({ enabled }) => !enabled)) return refuse("mcp_disabled");
  const server = view.mcp.byName(name);
  if (server === undefined || view.closed(server.id) || !isOpen(server, principal, policies)) {
    return refuse("mcp_server_not_allowed");
  }
  return { server, policies, epoch: view.epoch, rev: view.rev };
}

/** Every server that this principal may use, in the order of their names. */
export function mcpServersOf(view: TableView, principal: Principal): readonly McpRights[] | Refusal {
  const policies = policiesOf(principal);
  if (policies.some(({ enabled }) => !enabled)) return refuse("mcp_disabled");
  const { epoch, rev } = view;
  const open = view.mcp
    .all()
    .filter((server) => !view.closed(server.id) && isOpen(server, principal, policies));
  return open.map((server) => ({ server, policies, epoch, rev }));
}

function policiesOf({ key, claims }: Principal): McpPolicy[] {
  const claimed = claims?.mcp ?? undefined;
  return claimed === undefined ? [key.mcp] : [key.mcp, claimed];
}

function isOpen(server: McpServerRecord, { key }: Principal, policies: readonly McpPolicy[]): boolean {
  return (
    servesProject(server, key.projectId) && policies.every((policy) => allowsServer(policy, server.name))
  );
}

/** Whether a list of tools stands between the principal and the server. */
export function isNarrowed({ server, policies }: McpRights): boolean {
  return policies.some(({ tools }) => tools !== undefined && Object.hasOwn(tools, server.name));
}

/** May this be listed, called, got or read, being what `hash` says? Templates are asked for by their URI template. */
export function allowsOffer(
  rights: McpRights,
  kind: McpOfferKind,
  name: string,
  hash: string | undefined,
): boolean {
  const { server, policies } = rights;
  if (kind === "tool") {
    if (!policies.every((policy) => allowsTool(policy, server.name, name))) return false;
  } else if (isNarrowed(rights)) return false;
  return isAccepted(server, kind, name, hash);
}

/** May this URI be read: as a resource that the server lists, or as one that an accepted template stands for? */
export function allowsUri(rights: McpRights, uri: string, hashOf: HashOf): boolean {
  const { server } = rights;
  if (isNarrowed(rights)) return false;
  if (isRefused(server, uri)) return false;
  if (server.newOffers === "accept") return true;
  if (isAccepted(server, "resource", uri, hashOf("resource", uri))) return true;
  return server.pins.some(
    ({ kind, name }) => matchesAs(kind, name, uri) && isAccepted(server, kind, name, hashOf(kind, name)),
  );
}

/** What may be something refused in the eyes of the server is refused, and so is what leads to a place that only it knows. */
function isRefused({ pins }: McpServerRecord, uri: string): boolean {
  const refused = pins.filter(
    ({ kind, hash }) => hash === null && (kind === "resource" || kind === "resource-template"),
  );
  if (refused.length === 0) return false;
  const spellings = spellingsOf(uri);
  return hasSteps(uri) || refused.some(({ name }) => mayMean(name, spellings));
}

function matchesAs(kind: McpOfferKind, name: string, uri: string): boolean {
  return kind === "resource-template" && matchesTemplate(name, uri);
}
