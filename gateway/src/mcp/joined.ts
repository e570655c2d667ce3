/**
 * The address `/mcp`: all servers that a key may use as one, by names that lead back to them (`names.ts`). A client's
 * session there is the sessions of all servers in one sealed text. A server that was not there when it began, or did not
 * answer then, is asked in a session that lives as long as the request.
 */
import { type McpRights, mcpServersOf } from "@claviger/shared/decide/mcp-rights";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { beginJoined } from "./joined-begin.ts";
import { listJoined } from "./joined-list.ts";
import { listenJoined } from "./joined-listen.ts";
import type { JsonObject } from "./json-rpc.ts";
import { judge, readNamed } from "./judge.ts";
import { splitId } from "./names.ts";
import { onBehalf } from "./on-behalf.ts";
import { renameFrom, targetOf } from "./rename.ts";
import type { SessionContent } from "./session.ts";
import type { Talk } from "./talk.ts";
import { namesRelated } from "./tasks.ts";
import { type Admitted, forward, needsSight, type Outcome, type Read } from "./to-server.ts";
import { takeRate } from "./visit.ts";

export async function serveJoined(
  request: Admitted,
  read: Read | undefined,
  session: SessionContent | undefined,
): Promise<Outcome> {
  const { visit, principal } = request;
  const servers = mcpServersOf(visit.deps.view, principal);
  if ("code" in servers) return servers;
  if (servers.length === 0) return refuse("mcp_server_not_allowed");
  if (read === undefined) {
    if (visit.exchange.method === "GET") return listenJoined(request, servers, session);
    await tellAll(request, servers, session, (talk) => talk.end());
    visit.reply.nothing(200);
    return "answered";
  }
  const { message } = read;
  if (message.kind === "response") return answerServer(request, read, session);
  if (message.kind === "request" && isOfOne(message.method)) return askOne(request, read, session);
  // No server alone is asked here, and a task is one server's.
  if (namesRelated(message.params)) return refuse("invalid_value", { param: "_meta" });
  const rate = takeRate(visit, principal, request.limited);
  if (rate !== undefined) return rate;
  visit.reply.ours.push("x-claviger-key", principal.key.id);
  if (message.kind === "notification") {
    const { method, params } = message;
    // Each server heard it when its session began.
    if (method !== "notifications/initialized") {
      await tellAll(request, servers, session, (talk) => talk.tell(method, params));
    }
    visit.reply.nothing(202);
    return "answered";
  }
  return askAll(request, servers, message, session);
}

type Request = Extract<Read["message"], { kind: "request" }>;

/** Requests that go to all servers, or to none. */
async function askAll(
  request: Admitted,
  servers: readonly McpRights[],
  { id, method, params }: Request,
  session: SessionContent | undefined,
): Promise<Outcome> {
  const { reply } = request.visit;
  const answer = (result: JsonObject, more: readonly string[] = []): Outcome => {
    reply.json(200, JSON.stringify({ jsonrpc: "2.0", id, result }), more);
    return "answered";
  };
  switch (method) {
    case "initialize": {
      const begun = await beginJoined(request, servers, params);
      return "code" in begun ? begun : answer(begun.result, begun.headers);
    }
    case "ping":
      return answer({});
    case "logging/setLevel":
      await tellAll(request, servers, session, async (talk) => void (await talk.ask(method, params)));
      return answer({});
    case "tools/list":
    case "prompts/list":
    case "resources/list":
    case "resources/templates/list": {
      if (params.cursor !== undefined) return refuse("invalid_value", { param: "cursor" });
      const listed = await listJoined(request, servers, method, session);
      return "code" in listed ? listed : answer(listed.result);
    }
    default:
      return refuse("unknown_mcp_method");
  }
}

/** To each server with which the client has a session; what becomes of it is nobody's matter. */
async function tellAll(
  request: Admitted,
  servers: readonly McpRights[],
  session: SessionContent | undefined,
  tell: (talk: Talk) => Promise<void>,
): Promise<void> {
  const known = servers.filter(({ server }) => session?.upstreams[server.id]?.url === server.url);
  await Promise.all(
    known.map(({ server }, i) =>
      onBehalf(request, { server: server.name, part: i + 1, session, begins: false }, async (talk) => {
        await tell(talk);
        return { result: {} };
      }),
    ),
  );
}

const OF_ONE: ReadonlySet<string> = new Set([
  ...["tools/call", "prompts/get", "resources/read", "resources/subscribe", "resources/unsubscribe"],
  "completion/complete",
]);

function isOfOne(method: string): boolean {
  return OF_ONE.has(method);
}

const NOBODYS: Readonly<Record<string, Refusal>> = {
  "tools/call": refuse("mcp_tool_not_allowed"),
  "prompts/get": refuse("mcp_prompt_not_allowed"),
};

const encoder = new TextEncoder();

/** A request to the server whose name it says, as that server reads it. */
async function askOne(
  request: Admitted,
  { message }: Read,
  session: SessionContent | undefined,
): Promise<Outcome> {
  if (message.kind !== "request") return refuse("unknown_mcp_method");
  const { visit, principal } = request;
  const { deps } = visit;
  const target = targetOf(message.method, message.params);
  if (target === undefined) return NOBODYS[message.method] ?? refuse("mcp_resource_not_allowed");
  const { server: name, params } = target;
  const asked: Request = { ...message, params };
  const named = readNamed(asked);
  if ("code" in named) return named;
  visit.about = { ...visit.about, server: name, ...named };
  const first = deps.grant(principal, name, () => undefined);
  if ("code" in first) return first;
  const { server } = first.rights;
  const unknown = needsSight(asked) ? await deps.sightings.know(server) : undefined;
  if (unknown !== undefined) return unknown;
  const refusal = judge(first.rights, asked, deps.sightings.hashOf(server));
  if (refusal !== undefined) return refusal;
  // Before a session is begun with the server: that asks it, too.
  const rate = takeRate(visit, principal, request.limited);
  if (rate !== undefined) return rate;
  const body = encoder.encode(JSON.stringify({ jsonrpc: "2.0", id: asked.id, method: asked.method, params }));
  const there = await sessionAt(request, name, server.id, server.url, session);
  if ("code" in there) return there;
  const { content, version, end } = there;
  const leave = () => {
    end();
    request.leave();
  };
  const to = { message: asked, body, named, session: content, version, rename: renameFrom(name), part: 1 };
  const outcome = await forward({ ...request, server: name, leave }, to);
  if (outcome !== "started") end();
  return outcome;
}

interface SessionThere {
  readonly content: SessionContent | undefined;
  readonly version: string | undefined;
  readonly end: () => void;
}

/** The client's session with that server, or one that was begun for this request. */
async function sessionAt(
  request: Admitted,
  name: string,
  id: string,
  url: string,
  session: SessionContent | undefined,
): Promise<SessionThere | Refusal> {
  const known = session?.upstreams[id];
  if (known?.url === url) return { content: session, version: known.version, end: () => undefined };
  const client = session?.client ?? undefined;
  const errand = { server: name, part: 2, session: undefined, begins: true };
  const done = await onBehalf(request, errand, (talk) => talk.begin(client));
  if ("code" in done) return done;
  const { said, talk } = done;
  if ("code" in said) return said;
  if ("error" in said) return refuse("provider_bad_response");
  const upstreams = { [id]: { session: talk.session, url } };
  const content = { upstreams, client: null };
  return { content, version: talk.protocolVersion, end: () => void talk.end() };
}

/** What a client answers a server that asked it. */
async function answerServer(
  request: Admitted,
  { message, bytes }: Read,
  session: SessionContent | undefined,
): Promise<Outcome> {
  if (message.kind !== "response") return refuse("invalid_mcp_message");
  const found = splitId(message.id);
  if (found === undefined) return refuse("invalid_value", { param: "id" });
  const { server: name, id } = found;
  const server = request.visit.deps.view.mcp.byName(name);
  const known = server && session?.upstreams[server.id];
  if (known === undefined) return refuse("session_not_found");
  request.visit.about = { ...request.visit.about, server: name };
  const content = JSON.parse(new TextDecoder().decode(bytes)) as JsonObject;
  const body = encoder.encode(JSON.stringify({ ...content, id }));
  const named = { method: "response", name: undefined };
  const asked = { ...message, id };
  const to = { message: asked, body, named, session, version: known.version, rename: renameFrom(name) };
  return forward({ ...request, server: name }, to);
}
