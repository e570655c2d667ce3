/** One request to MCP on its way through the checks: what is known of it so far, how it is turned away and written down. */
import type { Principal } from "@claviger/shared/decide/admit";
import { formatIp, networkOf } from "@claviger/shared/decide/ip";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { McpCall } from "@claviger/shared/wire/query";
import type { KeyRecord } from "@claviger/shared/wire/record";
import { countUp } from "../metrics.ts";
import type { Exchange, OpenRecord } from "../ports.ts";
import type { Authenticated, Limited, McpAdmission, RequestFacts, Trace } from "../rooms.ts";
import { type McpDeps, providerOf } from "./deps.ts";
import { Reply, type ReplyPart } from "./reply.ts";
import type { McpRoute } from "./routes.ts";

/** What a request is about. */
export interface About {
  readonly serverId: string | null;
  readonly server: string;
  readonly method: string;
  readonly name: string | undefined;
}

export interface McpVisit {
  readonly deps: McpDeps;
  readonly exchange: Exchange;
  readonly route: McpRoute;
  readonly requestId: string;
  readonly atMs: number;
  readonly startedMonoMs: number;
  readonly trace: Trace | undefined;
  readonly reply: ReplyPart;
  ip: Authenticated["ip"];
  tokenId: string | undefined;
  about: About;
}

export function createVisit(
  deps: McpDeps,
  exchange: Exchange,
  route: McpRoute,
  server: string,
): McpVisit & { readonly reply: Reply } {
  const requestId = `req_${deps.crypto.randomId()}`;
  const { gatewayName } = deps.settings;
  const ours = ["x-request-id", requestId, "x-claviger-gateway", gatewayName, "cache-control", "no-store"];
  return {
    deps,
    exchange,
    route,
    requestId,
    atMs: deps.clock.wallMs(),
    startedMonoMs: deps.clock.monoMs(),
    trace: deps.tracer?.begin(exchange, requestId, route),
    reply: new Reply(exchange.answer, requestId, ours),
    ip: undefined,
    tokenId: undefined,
    about: {
      serverId: null,
      server: server.slice(0, 128),
      method: exchange.method.toLowerCase(),
      name: undefined,
    },
  };
}

/** Answers with a refusal; of a known key it is also written down. */
export function turnAway(visit: McpVisit, refusal: Refusal, key?: KeyRecord): void {
  const { deps, reply } = visit;
  countUp(deps.metrics.refusals, refusal.code);
  reply.fail(refusal);
  visit.trace?.refused(refusal.code, reply.status, key?.id);
  if (key !== undefined) deps.ledger.refused(factsOf(visit, "refused"), key, refusal.code, reply.status);
}

function factsOf(visit: McpVisit, outcome: McpCall["outcome"]): RequestFacts {
  const { exchange, requestId, atMs, ip, tokenId, trace, route, about, deps } = visit;
  const { name, ...rest } = about;
  const { epoch, rev } = deps.view;
  return {
    requestId,
    atMs,
    surface: route.surface,
    method: exchange.method,
    path: route.path,
    ip: ip === undefined ? exchange.peer : formatIp(ip),
    ipPrefix: ip === undefined ? "" : networkOf(ip),
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(trace === undefined ? {} : { trace }),
    mcp: { ...rest, ...(name === undefined ? {} : { name: name.slice(0, 2048) }), outcome, epoch, rev },
  };
}

const MODEL_LENGTH_MAX = 256;

function modelOf({ server, method, name }: About): string {
  return `${server}/${name ?? method}`.slice(0, MODEL_LENGTH_MAX);
}

/** What stands of the request before its first byte goes to a server. */
export function openRecordOf(
  visit: McpVisit,
  { key, generation }: Principal,
  about = visit.about,
  attempt = 1,
): OpenRecord {
  const { requestId, atMs, ip } = visit;
  return {
    requestId,
    atMs,
    keyId: key.id,
    generation,
    projectId: key.projectId,
    surface: "mcp",
    provider: "mcp",
    llmKeyId: about.serverId ?? "",
    model: modelOf(about),
    ipPrefix: ip === undefined ? "" : networkOf(ip),
    ...(attempt === 1 ? {} : { attempt }),
  };
}

export interface Ended {
  readonly outcome: McpCall["outcome"];
  readonly status: number;
  readonly code: string | null;
  readonly streamed: boolean;
  readonly firstByteMs: number | null;
}

const NOTHING = { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0 };

/** Writes down what became of it: calls of tools cost nothing that is known here, and that is said. */
export function settle(
  visit: McpVisit,
  admission: McpAdmission,
  ended: Ended,
  about = visit.about,
  attempt = 1,
): void {
  const { deps, startedMonoMs } = visit;
  const { key, generation, tokenId, rights } = admission;
  const facts = factsOf({ ...visit, about }, ended.outcome);
  const mcp = facts.mcp && { ...facts.mcp, epoch: rights.epoch, rev: rights.rev };
  countUp(deps.metrics.settled, ended.code ?? "ok");
  deps.ledger.settle({
    facts: { ...facts, ...(mcp === undefined ? {} : { mcp }) },
    admission: { key, generation, tokenId, provider: providerOf(rights.server), model: modelOf(about) },
    attempt,
    followed: false,
    earlier: undefined,
    spent: { cost: "0", priceRev: 0 },
    status: ended.status,
    code: ended.code,
    tokens: NOTHING,
    basis: "provider",
    streamed: ended.streamed,
    firstByteMs: ended.firstByteMs,
    totalMs: deps.clock.monoMs() - startedMonoMs,
  });
}

/** A token's own rate stands beside its key's. */
export function limitedOf({ key, claims }: Principal): Limited {
  const { id: keyId, requestsPerMinute, tokensPerMinute, maxConcurrency } = key;
  const limited = { keyId, requestsPerMinute, tokensPerMinute, maxConcurrency };
  if (claims === undefined || (claims.requestsPerMinute ?? claims.tokensPerMinute) === null) return limited;
  const { tokenId: id, requestsPerMinute: requests, tokensPerMinute: tokens } = claims;
  return { ...limited, token: { id, requestsPerMinute: requests, tokensPerMinute: tokens } };
}

/** Takes one request, and one call of a tool where it is one. */
export function takeRate(visit: McpVisit, principal: Principal, limited: Limited): Refusal | undefined {
  const { limits } = visit.deps;
  const rate = limits.takeRate(limited, 0);
  visit.reply.ours.push(...rate.headers);
  if (!rate.ok) return tooMany(rate.limit, rate.retryAfterMs);
  const { toolCallsPerMinute: calls } = principal.key;
  if (visit.about.method !== "tools/call" || calls === undefined || calls === null) return undefined;
  const { id } = principal.key;
  const none = { requestsPerMinute: null, tokensPerMinute: null, maxConcurrency: null };
  const token = { id: `${id} tool calls`, requestsPerMinute: calls, tokensPerMinute: null };
  const tools = limits.takeRate({ keyId: id, ...none, token }, 0);
  if (tools.ok) return undefined;
  limits.giveBack(limited, 0);
  return tooMany("tool calls", tools.retryAfterMs);
}

function tooMany(limit: string, retryAfterMs: number): Refusal {
  const retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return refuse("rate_limit_exceeded", { names: [limit], retryAfterSeconds });
}
