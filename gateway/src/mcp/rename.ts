/** Between a client of the address of all servers and one of them: whatever names something says which server's it is. */
import { isObject, type Json, type JsonObject } from "./json-rpc.ts";
import { joinId, joinName, joinUri, splitName, splitUri } from "./names.ts";

/** A message of `server` as the client sees it. */
export function renameFrom(server: string): (message: JsonObject) => JsonObject {
  return (message) => {
    if (typeof message.method === "string") return renameCall(server, message);
    return isObject(message.result) ? { ...message, result: renameResult(server, message.result) } : message;
  };
}

function renameCall(server: string, message: JsonObject): JsonObject {
  const { id, method, params } = message;
  const named: { [name: string]: Json } = { ...message };
  if (typeof id === "string" || typeof id === "number") named.id = joinId(server, id);
  if (!isObject(params)) return named;
  if (method === "notifications/resources/updated" && typeof params.uri === "string") {
    named.params = { ...params, uri: joinUri(server, params.uri) };
  }
  const { requestId } = params;
  if (
    method === "notifications/cancelled" &&
    (typeof requestId === "string" || typeof requestId === "number")
  ) {
    named.params = { ...params, requestId: joinId(server, requestId) };
  }
  return named;
}

function renameResult(server: string, result: JsonObject): JsonObject {
  const named: { [name: string]: Json } = { ...result };
  const { content, contents, messages, tools, prompts, resources, resourceTemplates } = result;
  if (Array.isArray(content)) named.content = content.map((block: Json) => renameBlock(server, block));
  if (Array.isArray(contents))
    named.contents = contents.map((each: Json) => renameMember(server, each, "uri"));
  if (Array.isArray(messages)) {
    named.messages = messages.map((message: Json) =>
      isObject(message) && message.content !== undefined
        ? { ...message, content: renameBlock(server, message.content) }
        : message,
    );
  }
  if (Array.isArray(tools)) named.tools = tools.map((each: Json) => renameMember(server, each, "name"));
  if (Array.isArray(prompts)) named.prompts = prompts.map((each: Json) => renameMember(server, each, "name"));
  if (Array.isArray(resources))
    named.resources = resources.map((each: Json) => renameMember(server, each, "uri"));
  if (Array.isArray(resourceTemplates)) {
    named.resourceTemplates = resourceTemplates.map((each: Json) =>
      renameMember(server, each, "uriTemplate"),
    );
  }
  return named;
}

function renameBlock(server: string, block: Json): Json {
  if (!isObject(block)) return block;
  if (block.type === "resource_link") return renameMember(server, block, "uri");
  if (block.type !== "resource" || block.resource === undefined) return block;
  return { ...block, resource: renameMember(server, block.resource, "uri") };
}

function renameMember(server: string, entry: Json, member: "name" | "uri" | "uriTemplate"): Json {
  const value = isObject(entry) ? entry[member] : undefined;
  if (!isObject(entry) || typeof value !== "string") return entry;
  return { ...entry, [member]: member === "name" ? joinName(server, value) : joinUri(server, value) };
}

export interface Target {
  readonly server: string;
  readonly params: JsonObject;
}

/** Whose a client's request is, and its params as that server reads them; undefined: nobody's. */
export function targetOf(method: string, params: JsonObject): Target | undefined {
  const { name, uri, ref } = params;
  switch (method) {
    case "tools/call":
    case "prompts/get": {
      const found = typeof name === "string" ? splitName(name) : undefined;
      return found && { server: found.server, params: { ...params, name: found.name } };
    }
    case "resources/read":
    case "resources/subscribe":
    case "resources/unsubscribe": {
      const found = typeof uri === "string" ? splitUri(uri) : undefined;
      return found && { server: found.server, params: { ...params, uri: found.name } };
    }
    default:
      return isObject(ref) ? targetOfReference(params, ref) : undefined;
  }
}

function targetOfReference(params: JsonObject, ref: JsonObject): Target | undefined {
  const { name, uri } = ref;
  const found =
    typeof name === "string" ? splitName(name) : typeof uri === "string" ? splitUri(uri) : undefined;
  if (found === undefined) return undefined;
  const member = typeof name === "string" ? { name: found.name } : { uri: found.name };
  return { server: found.server, params: { ...params, ref: { ...ref, ...member } } };
}
