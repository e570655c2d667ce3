/**
 * How a model is found (API.md §2): inside the key's project, `name/model` or `provider/model`, then the bare name.
 * Then the key's lists, then ambiguity. A prefix that is both a provider's name and the name that somebody gave to an
 * LLM key of another provider means the latter: a name was chosen on purpose.
 */
import type { ProviderRecord } from "../wire/record.ts";
import type { Principal } from "./admit.ts";
import { matches } from "./patterns.ts";
import { type Lists, listsOf, modelsOf } from "./prepared.ts";
import { type Refusal, refuse } from "./refusals.ts";
import type { TableView } from "./view.ts";

/** One LLM key that may serve the request, and the name that its provider knows the model by. */
export interface Route {
  readonly provider: ProviderRecord;
  readonly model: string;
}

export type ModelDecision =
  /** At least one, all of the same provider, in id order; which of them is the relay's choice. */
  | { readonly kind: "routed"; readonly routes: readonly [Route, ...Route[]] }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export const MODEL_LENGTH_MAX = 256;

/** The request's `model` as it stood in the body: a usable text, or the refusal of §4.3. */
export function readModel(value: unknown): string | Refusal {
  if (value === undefined || value === "") return refuse("missing_required_parameter", { param: "model" });
  if (typeof value !== "string" || value.length > MODEL_LENGTH_MAX) {
    return refuse("invalid_type", { param: "model" });
  }
  return value;
}

/** Finds who serves the model for this principal. */
export function admitModel(view: TableView, principal: Principal, model: string): ModelDecision {
  const records = view.providersOf(principal.key.projectId);
  const prefixed = findPrefixed(records, model);
  const candidates = prefixed.length > 0 ? prefixed : findBare(records, model);
  if (candidates.length === 0) return { kind: "refused", refusal: refuse("model_not_found") };
  const named = candidates.filter((route) => mayModel(principal, route));
  if (named.length === 0) return { kind: "refused", refusal: refuse("model_not_allowed") };
  const [first, ...rest] = named.filter((route) => mayProvider(principal, route));
  if (first === undefined) return { kind: "refused", refusal: refuse("provider_not_allowed") };
  if (rest.some((route) => route.provider.provider !== first.provider.provider)) {
    return { kind: "refused", refusal: refuse("ambiguous_model", { names: fullNames([first, ...rest]) }) };
  }
  const [open, ...others] = [first, ...rest].filter(({ provider }) => !view.closed(provider.id));
  if (open === undefined) return { kind: "refused", refusal: refuse("authorization_stale") };
  return { kind: "routed", routes: [open, ...others] };
}

/** Everything that the principal may ask for, in id order of the LLM keys: what `/v1/models` lists. */
export function listRoutes(view: TableView, principal: Principal): Route[] {
  return view
    .providersOf(principal.key.projectId)
    .flatMap((provider) => provider.models.map((model) => ({ provider, model })))
    .filter((route) => mayModel(principal, route) && mayProvider(principal, route));
}

/** Readings of `x/y` with x a name or provider, at the first slash: model names may have slashes of their own. */
function findPrefixed(records: readonly ProviderRecord[], asked: string): Route[] {
  const slash = asked.indexOf("/");
  if (slash <= 0) return [];
  const prefix = asked.slice(0, slash);
  const model = asked.slice(slash + 1);
  const found = findBare(records, model).filter(
    ({ provider }) => provider.name === prefix || provider.provider === prefix,
  );
  const named = found.filter(({ provider }) => provider.name === prefix);
  const deliberate = named.some(({ provider }) => provider.provider !== prefix);
  return deliberate ? named : found;
}

function findBare(records: readonly ProviderRecord[], model: string): Route[] {
  const found: Route[] = [];
  for (const provider of records) if (modelsOf(provider).has(model)) found.push({ provider, model });
  return found;
}

function mayModel({ key, claims }: Principal, route: Route): boolean {
  return allowsModel(listsOf(key), route) && (claims === undefined || allowsModel(listsOf(claims), route));
}

function allowsModel({ models }: Lists, { provider, model }: Route): boolean {
  if (models === null || matches(models, model)) return true;
  return matches(models, `${provider.provider}/${model}`) || matches(models, `${provider.name}/${model}`);
}

/** A list of providers names providers, not LLM keys: whoever means one LLM key lists the models `name/*`. */
function mayProvider({ key, claims }: Principal, { provider }: Route): boolean {
  const own = listsOf(key).providers;
  if (own !== null && !own.has(provider.provider)) return false;
  const claimed = claims === undefined ? null : listsOf(claims).providers;
  return claimed === null || claimed.has(provider.provider);
}

/** `provider/model`, each once, in order. */
function fullNames(routes: readonly Route[]): string[] {
  return [...new Set(routes.map(({ provider, model }) => `${provider.provider}/${model}`))];
}
