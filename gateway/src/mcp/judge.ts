/** Whether one message of a client may go to a server: the same question for every method, asked of the table as it is now. */
import {
  allowsOffer,
  allowsUri,
  type HashOf,
  isNarrowed,
  type McpRights,
} from "@claviger/shared/decide/mcp-rights";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { type ClientMessage, isObject, type Json, type JsonObject } from "./json-rpc.ts";
import { notifications, RELATED_TASK, type Rule, requestRules } from "./methods.ts";

/** What a message is about, for the log. */
export interface Named {
  readonly method: string;
  /** Of a tool or prompt, or a URI; undefined where the method names nothing. */
  readonly name: string | undefined;
}

/** What the message asks for; refused when its method is unknown or names what it should not. */
export function readNamed(message: ClientMessage): Named | Refusal {
  if (message.kind === "response") return { method: "response", name: undefined };
  const { method, params } = message;
  if (message.kind === "notification") {
    if (!notifications.has(method)) return refuse("unknown_mcp_method");
    const lookalike = lookalikeIn(params);
    return lookalike === undefined
      ? { method, name: undefined }
      : refuse("invalid_value", { param: lookalike });
  }
  const rule = requestRules.get(method);
  if (rule === undefined) return refuse("unknown_mcp_method");
  const lookalike = lookalikeIn(params);
  if (lookalike !== undefined) return refuse("invalid_value", { param: lookalike });
  if ("param" in rule) {
    const name = params[rule.param];
    if (typeof name !== "string" || name === "") return refuse("invalid_value", { param: rule.param });
    return { method, name };
  }
  if (rule.names !== "reference") return { method, name: undefined };
  const ref = readReference(params);
  return ref === undefined ? refuse("invalid_value", { param: "ref" }) : { method, name: ref.name };
}

/** What decides, wherever it stands: in `params`, in a reference or in a filter. */
const DECIDING = foldedOf(
  ...["name", "uri", "ref", "type", "notifications", "resourceSubscriptions", "taskId", "_meta"],
);
/** What `_meta` names is open: only what is acted upon here may not come in another form. */
const DECIDING_IN_META = foldedOf(RELATED_TASK);

/**
 * A member that is one of those but for upper and lower case. Servers in Go take it for the member itself (`encoding/json`),
 * and the last of both is what they act on.
 */
function lookalikeIn(params: JsonObject): string | undefined {
  const { ref, notifications: filter, _meta: meta } = params;
  const related = isObject(meta) ? meta[RELATED_TASK] : undefined;
  for (const part of [params, ref, filter, related]) {
    const found = foldedIn(part, DECIDING);
    if (found !== undefined) return found;
  }
  return foldedIn(meta, DECIDING_IN_META) && "_meta";
}

function foldedIn(part: Json | undefined, deciding: ReadonlyMap<string, string>): string | undefined {
  if (!isObject(part)) return undefined;
  const found = Object.keys(part).find((name) => (deciding.get(fold(name)) ?? name) !== name);
  return found === undefined ? undefined : deciding.get(fold(found));
}

function foldedOf(...names: string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [fold(name), name]));
}

/** As `encoding/json` folds, for which a long s is an s. */
function fold(name: string): string {
  return name.toLowerCase().toUpperCase();
}

/** Undefined when it may; `message` is one that `readNamed` takes. */
export function judge(rights: McpRights, message: ClientMessage, hashOf: HashOf): Refusal | undefined {
  if (message.kind !== "request") return undefined;
  const rule = requestRules.get(message.method);
  return rule === undefined ? refuse("unknown_mcp_method") : judgeRule(rights, rule, message.params, hashOf);
}

function judgeRule(rights: McpRights, rule: Rule, params: JsonObject, hashOf: HashOf): Refusal | undefined {
  switch (rule.names) {
    case "nothing":
    case "list":
      return undefined;
    case "task":
      return isNarrowed(rights) ? refuse("mcp_tool_not_allowed") : undefined;
    case "tool":
    case "prompt":
      return judgeOffer(rights, rule.names, String(params.name), hashOf);
    case "uri":
      return judgeUri(rights, params.uri, hashOf);
    case "reference": {
      const ref = readReference(params);
      return ref && judgeOffer(rights, ref.kind, ref.name, hashOf);
    }
    case "uris":
      return urisOf(params)
        .map((uri) => judgeUri(rights, uri, hashOf))
        .find((refusal) => refusal !== undefined);
  }
}

const REFUSALS = {
  tool: refuse("mcp_tool_not_allowed"),
  prompt: refuse("mcp_prompt_not_allowed"),
  resource: refuse("mcp_resource_not_allowed"),
} as const;

function judgeOffer(
  rights: McpRights,
  kind: "tool" | "prompt" | "resource-template",
  name: string,
  hashOf: HashOf,
): Refusal | undefined {
  if (kind === "resource-template") {
    // Clients complete arguments of templates, and of resources that they name as if they were one.
    const allowed = allowsOffer(rights, kind, name, hashOf(kind, name)) || allowsUri(rights, name, hashOf);
    return allowed ? undefined : REFUSALS.resource;
  }
  return allowsOffer(rights, kind, name, hashOf(kind, name)) ? undefined : REFUSALS[kind];
}

function judgeUri(rights: McpRights, uri: unknown, hashOf: HashOf): Refusal | undefined {
  return typeof uri === "string" && allowsUri(rights, uri, hashOf) ? undefined : REFUSALS.resource;
}

/** `params.ref` of `completion/complete`. */
export function readReference(
  params: JsonObject,
): { readonly kind: "prompt" | "resource-template"; readonly name: string } | undefined {
  const { ref } = params;
  if (!isObject(ref)) return undefined;
  if (ref.type === "ref/prompt" && typeof ref.name === "string") return { kind: "prompt", name: ref.name };
  if (ref.type === "ref/resource" && typeof ref.uri === "string") {
    return { kind: "resource-template", name: ref.uri };
  }
  return undefined;
}

/** Every URI that a filter of `subscriptions/listen` names, wherever it stands in it. */
function urisOf(params: JsonObject): unknown[] {
  const { notifications: filter } = params;
  if (!isObject(filter)) return [];
  const { resourceSubscriptions: uris } = filter;
  if (uris === undefined) return [];
  return Array.isArray(uris) ? [...uris] : [uris];
}
