/**
 * A data request from its head to its first attempt, in the fixed order of PROTOCOL §4.2. Everything before the attempt may
 * refuse; a refused request has sent no byte to a provider.
 */
import type { Principal } from "@claviger/shared/decide/admit";
import { readModel } from "@claviger/shared/decide/model";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { Exchange } from "../ports.ts";
import type { Limited } from "../rooms.ts";
import { Attempts } from "./attempts.ts";
import { findCandidates } from "./candidates.ts";
import { factsOf } from "./facts.ts";
import { readRequest, refuseUnread } from "./read-request.ts";
import type { ForwardRoute } from "./routes.ts";
import { ownHeaders, type ServeDeps, turnAway, type Visit } from "./visit.ts";

const BYTES_PER_TOKEN = 4;

/** Serves one request; resolves when it has been refused or handed to the relay. */
export async function serve(deps: ServeDeps, exchange: Exchange, route: ForwardRoute): Promise<void> {
  const requestId = `req_${deps.crypto.randomId()}`;
  const ours = ownHeaders(deps.settings.gatewayName, requestId, route);
  const trace = deps.tracer?.begin(exchange, requestId, route);
  const atMs = deps.clock.wallMs();
  const visit: Visit = {
    deps,
    exchange,
    route,
    requestId,
    atMs,
    trace,
    ours,
    ip: undefined,
    tokenId: undefined,
  };
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
  if (!deps.limits.enter(limited)) {
    visit.ours.push(...deps.limits.headersOf(limited));
    return turnAway(visit, refuse("rate_limit_exceeded", { names: ["concurrency"] }), who.principal.key);
  }
  let relayed = false;
  try {
    const refusal = await forward(visit, who.principal, limited);
    relayed = refusal === "relayed";
    if (refusal !== "relayed" && refusal !== "gone") turnAway(visit, refusal, who.principal.key);
  } finally {
    if (!relayed) deps.limits.leave(limited);
  }
}

/** A token's own rate stands beside its key's: together they would be one bucket, which the token could empty for the key. */
function limitedOf({ key, claims }: Principal): Limited {
  const { id: keyId, requestsPerMinute, tokensPerMinute, maxConcurrency } = key;
  const limited = { keyId, requestsPerMinute, tokensPerMinute, maxConcurrency };
  if (claims === undefined || (claims.requestsPerMinute ?? claims.tokensPerMinute) === null) return limited;
  const { tokenId: id, requestsPerMinute: requests, tokensPerMinute: tokens } = claims;
  return { ...limited, token: { id, requestsPerMinute: requests, tokensPerMinute: tokens } };
}

/** From the body to the first attempt, which then owns the place among the key's requests. */
async function forward(
  visit: Visit,
  principal: Principal,
  limited: Limited,
): Promise<Refusal | "relayed" | "gone"> {
  const { deps, exchange, route } = visit;
  const unread = refuseUnread(deps, exchange, route);
  if (unread !== undefined) return unread;
  const { bodyBytesMax: bytesMax, bodyMsMax: timeoutMs } = deps.settings;
  const body = readRequest(await exchange.readBody({ bytesMax, timeoutMs }), exchange, route);
  if (body === "gone" || "code" in body) return body;
  const asked = readModel(body.model);
  if (typeof asked !== "string") return asked;
  const candidates = findCandidates(deps, principal, asked, route, body);
  if ("code" in candidates) return candidates;
  const estimate = Math.ceil(body.textBytes / BYTES_PER_TOKEN);
  const rate = deps.limits.takeRate(limited, estimate);
  visit.ours.push(...rate.headers);
  if (!rate.ok) {
    const retryAfterSeconds = Math.max(1, Math.ceil(rate.retryAfterMs / 1000));
    return refuse("rate_limit_exceeded", { names: [rate.limit], retryAfterSeconds });
  }
  const facts = factsOf(visit);
  const attempts = new Attempts(visit, { principal, limited, asked, body, estimate, candidates, facts });
  const refusal = await attempts.start();
  if (refusal === undefined) return "relayed";
  deps.limits.giveBack(limited, estimate);
  return exchange.answer.begun ? "gone" : refusal;
}
