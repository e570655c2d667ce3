/** `/v1/models` and `/v1beta/models`: what the key may ask for, from the table alone. */
import { admitModel, listAliases, listRoutes } from "@claviger/shared/decide/model";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { KeyRecord } from "@claviger/shared/wire/record";
import { countUp } from "../metrics.ts";
import type { Exchange } from "../ports.ts";
import { factsOf } from "./facts.ts";
import { sendProblem } from "./problem.ts";
import { providers } from "./providers.ts";
import { type ModelsRoute, modelInPath, routes } from "./routes.ts";
import type { Dialect } from "./surfaces.ts";
import { ownHeaders, type ServeDeps } from "./visit.ts";

/** Lists the models, or shows one; where all vendors have the same address, in the shape of whose client asks. */
export async function answerModels(deps: ServeDeps, exchange: Exchange, route: ModelsRoute): Promise<void> {
  const dialect = dialectOf(exchange, route);
  const requestId = `req_${deps.crypto.randomId()}`;
  const ours = ownHeaders(deps.settings.gatewayName, requestId, { dialect });
  const atMs = deps.clock.wallMs();
  const judged = deps.authenticate(exchange);
  const who = judged instanceof Promise ? await judged : judged;
  const turnAway = (refusal: Refusal, key: KeyRecord | undefined) => {
    countUp(deps.metrics.refusals, refusal.code);
    const status = sendProblem(exchange.answer, refusal, dialect, ours, requestId);
    if (key === undefined) return;
    const tokenId = who.ok ? who.principal.claims?.tokenId : who.tokenId;
    const asked = {
      ...{ exchange, requestId, atMs, ip: who.ip, tokenId },
      route: { surface: "models", path: route.path },
    };
    deps.ledger.refused(factsOf(asked), key, refusal.code, status);
  };
  if (!who.ok) return turnAway(who.refusal, who.key);
  const { principal } = who;
  const admitted = [...ours, "x-claviger-key", principal.key.id];
  if (route.kind === "models") {
    const names = new Map(
      listRoutes(deps.view, principal).map(({ provider, model }) => [
        `${provider.provider}/${model}`,
        provider.provider,
      ]),
    );
    for (const { name, routes } of listAliases(deps.view, principal)) {
      names.set(name, routes[0]?.provider.provider ?? "");
    }
    return send(exchange, admitted, listOf([...names], dialect));
  }
  const asked = modelInPath(exchange.target, route.path.slice(0, route.path.indexOf("{model}")), undefined);
  if (asked === undefined) return turnAway(refuse("model_not_found"), principal.key);
  const decision = admitModel(deps.view, principal, asked);
  if (decision.kind === "refused") return turnAway(decision.refusal, principal.key);
  send(exchange, admitted, modelOf(asked, decision.routes[0].provider.provider, dialect));
}

function dialectOf(exchange: Exchange, route: ModelsRoute): Dialect {
  if (route.dialect !== "openai") return route.dialect;
  if (exchange.header("anthropic-version") !== undefined) return "anthropic";
  return exchange.header("x-goog-api-key") === undefined ? "openai" : "gemini";
}

/** The day that is shown for every model: the catalogue does not say when a model was made. */
const CREATED = { s: 0, iso: "1970-01-01T00:00:00Z" };

function modelOf(id: string, provider: string, dialect: Dialect): object {
  if (dialect === "gemini") {
    const supportedGenerationMethods = methodsOf(provider);
    return { name: `models/${id}`, baseModelId: id, displayName: id, supportedGenerationMethods };
  }
  return dialect === "openai"
    ? { id, object: "model", created: CREATED.s, owned_by: provider }
    : { type: "model", id, display_name: id, created_at: CREATED.iso };
}

/** Of Gemini's, those that the provider speaks. */
function methodsOf(provider: string): string[] {
  const paths = providers[provider]?.paths ?? {};
  return routes
    .filter((route) => route.kind === "forward" && route.dialect === "gemini" && route.surface in paths)
    .map((route) => route.action ?? "")
    .filter((action, at, all) => all.indexOf(action) === at);
}

function listOf(models: readonly [string, string][], dialect: Dialect): object {
  const data = models.map(([id, provider]) => modelOf(id, provider, dialect));
  if (dialect === "openai") return { object: "list", data };
  if (dialect === "gemini") return { models: data };
  return { data, has_more: false, first_id: models[0]?.[0] ?? null, last_id: models.at(-1)?.[0] ?? null };
}

function send(exchange: Exchange, ours: readonly string[], value: object): void {
  const body = new TextEncoder().encode(JSON.stringify(value));
  exchange.answer.head(200, [
    ...ours,
    "content-type",
    "application/json",
    "content-length",
    String(body.length),
  ]);
  exchange.answer.end(body);
}
