/**
 * A data request from its head to the relay, in the fixed order of PROTOCOL §4.2. Everything before the relay may refuse;
 * a refused request has sent no byte to a provider.
 */
import type { Principal } from "@claviger/shared/decide/admit";
import { admitModel, type Route as ModelRoute, readModel } from "@claviger/shared/decide/model";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { TableView } from "@claviger/shared/decide/view";
import { foldUsage } from "@claviger/shared/money/usage";
import type { KeyRecord } from "@claviger/shared/wire/record";
import type { Tokens } from "@claviger/shared/wire/usage";
import { countUp, type Metrics } from "../metrics.ts";
import type { Clock, Crypto, Exchange, Upstream, Vault } from "../ports.ts";
import type {
  Admission,
  Authenticate,
  Authenticated,
  Grant,
  Ledger,
  LimitBook,
  Limited,
  RequestFacts,
  Trace,
  Tracer,
} from "../rooms.ts";
import type { RequestBody } from "./body.ts";
import { factsOf } from "./facts.ts";
import type { Inflight } from "./inflight.ts";
import { sendProblem } from "./problem.ts";
import { providers } from "./providers.ts";
import { type ReadDeps, readRequest } from "./read-request.ts";
import { type Outcome, Relay, type RelayLimits } from "./relay.ts";
import { type ForwardRoute, pathsThatWork } from "./routes.ts";
import { preparedTarget } from "./targets.ts";
import { upstreamRequest } from "./upstream-request.ts";

export interface ServeSettings extends RelayLimits {
  readonly gatewayName: string;
  readonly bodyBytesMax: number;
  readonly bodyMsMax: number;
  /** Longest wait for a provider's head, and longest silence inside its answer. */
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export interface ServeDeps {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly upstream: Upstream;
  readonly vault: Vault;
  readonly view: TableView;
  readonly authenticate: Authenticate;
  readonly grant: Grant;
  readonly limits: LimitBook;
  readonly ledger: Ledger;
  readonly metrics: Metrics;
  /** Absent while nothing is traced. */
  readonly tracer?: Tracer | undefined;
  readonly inflight: Inflight;
  readonly settings: ServeSettings;
  /** Refusals that the head alone decides, in order. */
  readonly refuseBySize: (exchange: Exchange, bytesMax: number) => Refusal | undefined;
  readonly refuseByType: ReadDeps["refuseByType"];
}

/** One request on its way through the checks. */
interface Visit {
  readonly deps: ServeDeps;
  readonly exchange: Exchange;
  readonly route: ForwardRoute;
  readonly requestId: string;
  readonly atMs: number;
  readonly trace: Trace | undefined;
  ours: string[];
  ip: Authenticated["ip"];
  tokenId: string | undefined;
}

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
  if (!deps.limits.enter(limited)) {
    return turnAway(visit, refuse("rate_limit_exceeded", { names: ["concurrency"] }), who.principal.key);
  }
  let relayed = false;
  try {
    const refusal = await forward(visit, who.principal, limited);
    relayed = refusal === "relayed";
    if (refusal !== "relayed" && refusal !== "gone") turnAway(visit, refusal, who.principal.key);
  } finally {
    if (!relayed) deps.limits.leave(limited.keyId);
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

/** From the body to the relay, which then owns the place among the key's requests. */
async function forward(
  visit: Visit,
  principal: Principal,
  limited: Limited,
): Promise<Refusal | "relayed" | "gone"> {
  const { deps, exchange } = visit;
  const body = await readRequest(deps, exchange, visit.route);
  if (body === "gone" || "code" in body) return body;
  const asked = readModel(body.model);
  if (typeof asked !== "string") return asked;
  const chosen = chooseRoute(visit, principal, asked);
  if ("code" in chosen) return chosen;
  const estimate = Math.ceil(body.textBytes / BYTES_PER_TOKEN);
  const rate = deps.limits.takeRate(limited, estimate);
  visit.ours.push(...rate.headers);
  if (!rate.ok) {
    const retryAfterSeconds = Math.max(1, Math.ceil(rate.retryAfterMs / 1000));
    return refuse("rate_limit_exceeded", { names: [rate.limit], retryAfterSeconds });
  }
  const credential = await deps.vault.credentialFor(chosen.provider);
  const refusal =
    credential === undefined
      ? refuse("provider_auth_failed")
      : await release(visit, principal, limited, { asked, chosen, body, credential, estimate });
  if (refusal === undefined) return "relayed";
  deps.limits.giveBack(limited, estimate);
  return exchange.answer.begun ? "gone" : refusal;
}

/** The first of the project's LLM keys that serves the model and speaks this surface. */
function chooseRoute(visit: Visit, principal: Principal, asked: string): ModelRoute | Refusal {
  const decision = admitModel(visit.deps.view, principal, asked);
  if (decision.kind === "refused") return decision.refusal;
  const { surface, task } = visit.route;
  const spoken = decision.routes.find(({ provider }) => preparedTarget(provider, surface) !== undefined);
  if (spoken !== undefined) return spoken;
  const [{ provider }] = decision.routes;
  const names = pathsThatWork((other) => preparedTarget(provider, other) !== undefined, task);
  return refuse("unsupported_surface", { names });
}

interface Ready {
  readonly asked: string;
  readonly chosen: ModelRoute;
  readonly body: RequestBody;
  readonly credential: string;
  readonly estimate: number;
}

/** Open record, last look, and the relay in the same turn. Undefined when it runs. */
async function release(
  visit: Visit,
  principal: Principal,
  limited: Limited,
  ready: Ready,
): Promise<Refusal | undefined> {
  const { deps, route, requestId } = visit;
  const facts = factsOf(visit);
  const { provider, model } = ready.chosen;
  const recorded = await deps.ledger.open({
    requestId,
    atMs: visit.atMs,
    keyId: principal.key.id,
    generation: principal.generation,
    projectId: principal.key.projectId,
    surface: route.surface,
    provider: provider.provider,
    llmKeyId: provider.id,
    model,
    ipPrefix: facts.ipPrefix,
  });
  if (!recorded) return refuse("audit_unavailable");
  const admission = deps.grant(principal, ready.asked, ready.chosen);
  if ("code" in admission) {
    deps.ledger.withdraw(requestId);
    return admission;
  }
  startRelay(visit, admission, facts, limited, ready);
  return undefined;
}

function startRelay(
  visit: Visit,
  admission: Admission,
  facts: RequestFacts,
  limited: Limited,
  ready: Ready,
): void {
  const { deps, exchange, route, requestId } = visit;
  const row = providers[admission.provider.provider];
  const target = preparedTarget(admission.provider, route.surface);
  if (row === undefined || target === undefined) throw new Error("the route was chosen without a target");
  const { request, strip, usage } = upstreamRequest({
    admission,
    exchange,
    route,
    row,
    target,
    asked: ready.asked,
    body: ready.body,
    credential: ready.credential,
    headersTimeoutMs: deps.settings.headersTimeoutMs,
    idleTimeoutMs: deps.settings.idleTimeoutMs,
  });
  let draining = false;
  const relay: Relay = new Relay(
    {
      admission,
      requestId,
      answer: exchange.answer,
      dialect: route.dialect,
      usage,
      request,
      textBytes: ready.body.textBytes,
      otherAnswers: route.otherAnswers,
      strip,
      ours: [...visit.ours, "x-claviger-key", admission.key.id],
      mayDrain: () => {
        if (row.abortStopsBilling) return false;
        draining = deps.inflight.takeDrain();
        return draining;
      },
      settled: (outcome) => {
        deps.inflight.remove(relay, draining);
        deps.limits.leave(limited.keyId);
        deps.limits.correct(limited, ready.estimate, total(foldUsage(outcome.tokens)));
        settle(deps, facts, admission, outcome);
      },
    },
    deps.upstream,
    deps.clock,
    deps.settings,
  );
  deps.metrics.admitted++;
  deps.inflight.add(relay);
  relay.start();
}

function settle(deps: ServeDeps, facts: RequestFacts, admission: Admission, outcome: Outcome): void {
  countUp(deps.metrics.settled, outcome.code ?? "ok");
  deps.ledger.settle({ facts, admission, ...outcome });
}

function total(tokens: Tokens): number {
  let sum = 0;
  for (const part of [tokens.input, tokens.cacheRead, tokens.cacheWrite, tokens.output, tokens.reasoning])
    sum += part ?? 0;
  return sum;
}

/** Answers with a refusal; of a known key it is also written down. */
function turnAway(visit: Visit, refusal: Refusal, key?: KeyRecord): void {
  const { deps, exchange, route, ours, requestId } = visit;
  countUp(deps.metrics.refusals, refusal.code);
  const status = sendProblem(exchange.answer, refusal, route.dialect, ours, requestId);
  visit.trace?.refused(refusal.code, status, key?.id);
  if (key !== undefined) deps.ledger.refused(factsOf(visit), key, refusal.code, status);
}

/** The headers of every answer on a data route. `request-id` is where Anthropic's clients look. */
export function ownHeaders(gatewayName: string, requestId: string, route: { dialect: string }): string[] {
  const ours = ["x-request-id", requestId, "x-claviger-gateway", gatewayName, "cache-control", "no-store"];
  if (route.dialect === "anthropic") ours.push("request-id", requestId);
  return ours;
}
