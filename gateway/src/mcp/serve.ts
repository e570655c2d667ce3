/**
 * A request to MCP from its head to the server, in the fixed order of PROTOCOL §4.2. The only way to a server is behind
 * `grant`, which is asked in the turn in which the request goes on: with the table, the key and the rights as they are then.
 */
import type { Principal } from "@claviger/shared/decide/admit";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { Exchange } from "../ports.ts";
import type { Limited } from "../rooms.ts";
import type { McpDeps } from "./deps.ts";
import { serveJoined } from "./joined.ts";
import { type ClientMessage, readMessage } from "./json-rpc.ts";
import { readNamed } from "./judge.ts";
import { protocolVersions } from "./methods.ts";
import { type McpRoute, serverInPath } from "./routes.ts";
import { openSession, type SessionContent } from "./session.ts";
import { OPEN_STREAMS } from "./streams.ts";
import { type Admitted, forward, type Outcome, type Read } from "./to-server.ts";
import { createVisit, limitedOf, type McpVisit, turnAway } from "./visit.ts";

/** Serves one request; resolves when it has been refused or handed on. */
export async function serveMcp(deps: McpDeps, exchange: Exchange, route: McpRoute): Promise<void> {
  const query = exchange.target.indexOf("?");
  const server = serverInPath(query < 0 ? exchange.target : exchange.target.slice(0, query));
  const visit = createVisit(deps, exchange, route, server);
  deps.streams.begin();
  try {
    await admit(visit, server);
  } finally {
    deps.streams.finish();
  }
}

type Opened = ReturnType<typeof createVisit>;

async function admit(visit: Opened, server: string): Promise<void> {
  const { deps, exchange } = visit;
  // The router takes it for a GET; a stream has no head of its own, and nobody's session may end by it.
  if (exchange.method === "HEAD") {
    return turnAway(visit, refuse("method_not_allowed", { allow: ["GET", "POST", "DELETE"] }));
  }
  const tooLarge = deps.refuseBySize(exchange, deps.settings.bodyBytesMax);
  if (tooLarge !== undefined) return turnAway(visit, tooLarge);
  const judged = deps.authenticate(exchange);
  const who = judged instanceof Promise ? await judged : judged;
  visit.ip = who.ip;
  visit.tokenId = who.ok ? who.principal.claims?.tokenId : who.tokenId;
  if (!who.ok) return turnAway(visit, who.refusal, who.key);
  const limited = limitedOf(who.principal);
  const share = deps.limits.ready(limited);
  if (share !== undefined) await share;
  const leave = enter(visit, limited);
  if (typeof leave !== "function") return turnAway(visit, leave, who.principal.key);
  let started = false;
  try {
    const { principal } = who;
    const outcome = await go(visit, { visit, principal, limited, server, leave });
    started = outcome === "started";
    if (typeof outcome !== "string") turnAway(visit, outcome, principal.key);
  } finally {
    if (!started) leave();
  }
}

/** Takes a place, and says how to give it back. */
function enter({ deps, exchange, reply }: Opened, limited: Limited): (() => void) | Refusal {
  const { method } = exchange;
  if (method === "POST") {
    if (deps.limits.enter(limited)) return () => deps.limits.leave(limited);
    reply.ours.push(...deps.limits.headersOf(limited));
    return refuse("rate_limit_exceeded", { names: ["concurrency"] });
  }
  if (method === "DELETE") return () => undefined;
  // Whoever only listens would take the place of requests for as long as it does, and has some of its own.
  return deps.streams.listen(limited.keyId) ?? refuse("rate_limit_exceeded", { names: [OPEN_STREAMS] });
}

async function go(visit: Opened, request: Admitted): Promise<Outcome> {
  const { principal, server } = request;
  let read: Read | undefined;
  if (visit.exchange.method === "POST") {
    const body = await readBody(visit);
    if (body === "gone" || "code" in body) return body;
    read = body;
  }
  const message = read?.message;
  const named = message === undefined ? undefined : readNamed(message);
  if (named !== undefined && "code" in named) return named;
  const { method = visit.about.method, name } = named ?? {};
  visit.about = { ...visit.about, method, name };
  const version = visit.exchange.header("mcp-protocol-version");
  if (version !== undefined && !protocolVersions.has(version)) {
    return refuse("invalid_header", { param: "mcp-protocol-version" });
  }
  const session = await sessionOf(visit, principal, server, message);
  if (session !== undefined && "code" in session) return session;
  if (server === "") return serveJoined(request, read, session);
  return forward(request, { message, body: read?.bytes, named, session, version });
}

async function readBody({ deps, exchange, reply }: Opened): Promise<Read | Refusal | "gone"> {
  const wrongType = deps.refuseByType(exchange, "json");
  if (wrongType !== undefined) return wrongType;
  const { bodyBytesMax: bytesMax, bodyMsMax: timeoutMs } = deps.settings;
  const read = await exchange.readBody({ bytesMax, timeoutMs });
  if (!read.ok) {
    if (read.why === "gone") return "gone";
    return refuse(read.why === "timeout" ? "request_timeout" : "request_too_large");
  }
  const message = readMessage(read.bytes);
  if ("code" in message) return message;
  if (message.kind === "request") reply.id = message.id;
  return { message, bytes: read.bytes };
}

/** The session that the request names. One that another key was given is none. */
async function sessionOf(
  { deps, exchange }: McpVisit,
  { key }: Principal,
  scope: string,
  message: ClientMessage | undefined,
): Promise<SessionContent | Refusal | undefined> {
  const token = exchange.header("mcp-session-id");
  const isBegin = message?.kind === "request" && message.method === "initialize";
  if (token === undefined || isBegin) {
    return exchange.method === "DELETE" ? refuse("session_not_found") : undefined;
  }
  const { organizationId } = deps.settings;
  const found = await openSession(deps.shared, { organizationId, keyId: key.id, scope }, token);
  return found ?? refuse("session_not_found");
}
