/**
 * The closed table of MCP methods: what is not in it is refused. Each row says what a method names, so that one place
 * decides about all of them. Versions 2024-11-05 to 2025-11-25 of the specification, and 2026-07-28, which has no sessions.
 */

export type Rule =
  /** Names nothing: for whoever may use the server. */
  | { readonly names: "nothing" }
  /** The result is a list, of which each sees what it may use. */
  | { readonly names: "list" }
  | { readonly names: "tool" | "prompt"; readonly param: "name" }
  | { readonly names: "uri"; readonly param: "uri" }
  /** `params.ref`: a prompt or a template. */
  | { readonly names: "reference" }
  /** A filter of what is to be told, with URIs. */
  | { readonly names: "uris" }
  /**
   * `params.taskId`, of a call that was made before, nobody here knows which: not for keys that have a list of tools. Which
   * tasks are a key's is not known either, so there is no list of them.
   */
  | { readonly names: "task" };

const nothing: Rule = { names: "nothing" };
const list: Rule = { names: "list" };
const task: Rule = { names: "task" };
const uri: Rule = { names: "uri", param: "uri" };

/** In the `_meta` of whatever belongs to a task. */
export const RELATED_TASK = "io.modelcontextprotocol/related-task";

/** Requests of clients. */
export const requestRules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["initialize", nothing],
  ["ping", nothing],
  ["server/discover", nothing],
  ["logging/setLevel", nothing],
  ["tools/list", list],
  ["tools/call", { names: "tool", param: "name" }],
  ["prompts/list", list],
  ["prompts/get", { names: "prompt", param: "name" }],
  ["resources/list", list],
  ["resources/templates/list", list],
  ["resources/read", uri],
  ["resources/subscribe", uri],
  ["resources/unsubscribe", uri],
  ["completion/complete", { names: "reference" }],
  ["subscriptions/listen", { names: "uris" }],
  ["tasks/get", task],
  ["tasks/result", task],
  ["tasks/cancel", task],
]);

/** Notifications of clients. */
export const notifications: ReadonlySet<string> = new Set([
  "notifications/initialized",
  "notifications/cancelled",
  "notifications/progress",
  "notifications/roots/list_changed",
  "notifications/tasks/status",
]);

/** What servers may ask of clients and tell them. */
export const fromServers: ReadonlySet<string> = new Set([
  "ping",
  "roots/list",
  "sampling/createMessage",
  "elicitation/create",
  "tasks/get",
  "tasks/result",
  "tasks/list",
  "tasks/cancel",
  "notifications/cancelled",
  "notifications/progress",
  "notifications/message",
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
  "notifications/resources/updated",
  "notifications/tasks/status",
  "notifications/elicitation/complete",
  "notifications/subscriptions/acknowledged",
]);

/** What servers say that their lists have changed with. */
export const listChanges: ReadonlySet<string> = new Set([
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
]);

/** Of the `mcp-protocol-version` header. */
export const protocolVersions: ReadonlySet<string> = new Set([
  "2024-11-05",
  "2025-03-26",
  "2025-06-18",
  "2025-11-25",
  "2026-07-28",
]);

/** What this gateway itself speaks where it is the client. */
export const OWN_PROTOCOL_VERSION = "2025-11-25";
