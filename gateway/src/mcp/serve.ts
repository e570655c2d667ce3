/**
 * A request to MCP from its head to the server, in the fixed order of PROTOCOL §4.2. The only way to a server is behind
 * `grant`, which is asked in the turn in which the request goes on: with the table, the key and the rights as they are then.
 */
import type { Principal } from "@claviger/shared/decide/admit";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { Exchange } from "../ports.ts";
import type { Limited, McpAdmission } from "../rooms.ts";
import { credentialOf, type McpDeps } from "./deps.ts";
import { serveJoined } from "./joined.ts";
import { type ClientMessage, isObject, readMessage } from "./json-rpc.ts";
import { judge, type Named, readNamed } from "./judge.ts";
import { protocolVersions, requestRules } from "./methods.ts";
import { McpRelay } from "./relay.ts";
import { type McpRoute, serverInPath } from "./routes.ts";
import { openSession, type SessionContent, sealSession } from "./session.ts";
import { createVisit, limitedOf, type McpVisit, openRecordOf, takeRate, turnAway } from "./visit.ts";

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

async function admit(visit: McpVisit, server: string): Promise<void> {
  const { deps, exchange } = visit;
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
  // Whoever only listens would take the place of requests for as long as it does.
  const takesPlace = exchange.method === "POST";
  if (takesPlace && !deps.limits.enter(limited)) {
    visit.reply.ours.push(...deps.limits.headersOf(limited));
    return turnAway(visit, refuse("rate_limit_exceeded", { names: ["concurrency"] }), who.principal.key);
  }
  const leave = () => {
    if (takesPlace) deps.limits.leave(limited);
  };
  let started = false;
  try {
    const { principal } = who;
    const outcome = await go({ visit, principal, limited, server, leave });
    started = outcome === "started";
    if (typeof outcome !== "string") turnAway(visit, outcome, principal.key);
  } finally {
    if (!started) leave();
  }
}

/** A request of a principal that was admitted. */
export interface Admitted {
  readonly visit: McpVisit;
  readonly principal: Principal;
  readonly limited: Limited;
  /** As the path names it; "": all. */
  readonly server: string;
  /** Gives its place among the key's requests back. */
  readonly leave: () => void;
}

/** `started`: whoever runs it now gives the place back. */
export type Outcome = Refusal | "started" | "gone";

async function go(request: Admitted): Promise<Outcome> {
  const { visit, principal, server } = request;
  let message: ClientMessage | undefined;
  if (visit.exchange.method === "POST") {
    const read = await readBody(visit);
    if (read === "gone" || "code" in read) return read;
    message = read;
  }
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
  if (server === "") return serveJoined(request, message, session);
  return forward(request, { message, named, session, version });
}

async function readBody({ deps, exchange, reply }: McpVisit): Promise<ClientMessage | Refusal | "gone"> {
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
  bodies.set(message, read.bytes);
  return message;
}

/** A message goes on as the bytes that it came as. */
const bodies = new WeakMap<ClientMessage, Uint8Array>();

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

interface ToForward {
  readonly message: ClientMessage | undefined;
  readonly named: Named | undefined;
  readonly session: SessionContent | undefined;
  readonly version: string | undefined;
}

/** To the one server that the path names. */
async function forward(request: Admitted, { message, named, session, version }: ToForward): Promise<Outcome> {
  const { visit, principal, limited, server: name } = request;
  const { deps } = visit;
  const first = deps.grant(principal, name, () => undefined);
  if ("code" in first) return first;
  const { server } = first.rights;
  visit.about = { ...visit.about, serverId: server.id };
  const judgeNow = (rights: typeof first.rights) =>
    message && judge(rights, message, deps.sightings.hashOf(rights.server));
  const grantNow = (): McpAdmission | Refusal => deps.grant(principal, name, judgeNow);
  const unknown = needsSight(message) ? await deps.sightings.know(server) : undefined;
  if (unknown !== undefined) return unknown;
  const allowed = grantNow();
  if ("code" in allowed) return allowed;
  const upstream = session?.upstreams[server.id];
  if (session !== undefined && upstream?.url !== server.url) return refuse("session_not_found");
  const lastEventId = resumeFrom(visit);
  if (lastEventId !== undefined && typeof lastEventId !== "string") return lastEventId;
  const rate = takeRate(visit, principal, limited);
  if (rate !== undefined) return rate;
  const credential = await credentialOf(deps.vault, server);
  if (credential === undefined) return refuse("provider_auth_failed");
  const record = openRecordOf(visit, principal);
  if (!(await deps.ledger.open(record))) return refuse("audit_unavailable");
  const admission = grantNow();
  // Address and credential belong together and were read before.
  const refusal = "code" in admission ? admission : isChanged(admission, first);
  if ("code" in admission || refusal !== undefined) {
    deps.ledger.withdraw(record.requestId);
    return refusal ?? refuse("config_behind");
  }
  const sent = { credential, session: upstream?.session, lastEventId, version };
  relayFor(request, { message, named, admission, grantNow, ...sent }).start();
  return "started";
}

interface ToRelay {
  readonly message: ClientMessage | undefined;
  readonly named: Named | undefined;
  readonly admission: McpAdmission;
  readonly grantNow: () => McpAdmission | Refusal;
  readonly credential: Readonly<Record<string, string>>;
  readonly session: string | undefined;
  readonly lastEventId: string | undefined;
  readonly version: string | undefined;
}

function relayFor({ visit, principal, server: scope, leave }: Admitted, to: ToRelay): McpRelay {
  const { message, named, admission, credential, session, lastEventId } = to;
  const { server } = admission.rights;
  const { organizationId } = visit.deps.settings;
  const bound = { organizationId, keyId: principal.key.id, scope };
  const onlyListens = message === undefined && visit.exchange.method === "GET";
  return new McpRelay({
    visit,
    admission,
    message,
    listens: onlyListens || named?.method === "subscriptions/listen",
    request: {
      ...{ server, credential, session, lastEventId, protocolVersion: to.version },
      method: visit.exchange.method as "GET" | "POST" | "DELETE",
      body: message && bodies.get(message),
      says: message !== undefined && isStateless(message) ? named : undefined,
    },
    grantAgain: to.grantNow,
    seal(upstreamSession, protocolVersion) {
      const upstreams = { [server.id]: { session: upstreamSession, url: server.url } };
      return sealSession(visit.deps.shared, bound, { upstreams, protocolVersion, client: null });
    },
    over: leave,
  });
}

function isChanged({ rights }: McpAdmission, before: McpAdmission): Refusal | undefined {
  return rights.server === before.rights.server ? undefined : refuse("config_behind");
}

/** Whether what is asked for has to be compared with what the server offers now. */
function needsSight(message: ClientMessage | undefined): boolean {
  if (message?.kind !== "request") return false;
  const names = requestRules.get(message.method)?.names;
  return names !== undefined && names !== "nothing" && names !== "list" && names !== "task";
}

const VERSION_MEMBER = "io.modelcontextprotocol/protocolVersion";

/** From 2026-07-28 on each request says its version itself. */
function isStateless(message: ClientMessage): boolean {
  if (message.kind !== "request") return false;
  const { _meta: meta } = message.params;
  return isObject(meta) && typeof meta[VERSION_MEMBER] === "string";
}

const EVENT_ID = /^[\x21-\x7e]{1,1024}$/;
/** A credential of ours in a place where none belongs. */
const SECRET = /clv(?:_live|[pste])_/;

/** Where a stream is to be resumed: what the server called the last event that arrived. */
function resumeFrom({ exchange }: McpVisit): string | Refusal | undefined {
  if (exchange.method !== "GET") return undefined;
  const id = exchange.header("last-event-id");
  if (id === undefined || (EVENT_ID.test(id) && !SECRET.test(id))) return id;
  return refuse("invalid_header", { param: "last-event-id" });
}
