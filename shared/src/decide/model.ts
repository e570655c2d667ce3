/**
 * How a model is found (API.md §2): inside the key's project, alias, then `name/model` or `provider/model`, then the bare
 * name. Then the key's lists, then ambiguity. An alias stands for its targets in their order, none of which is an alias,
 * so one that has a model's name is that model's fallback. A prefix that is both a provider's name and the name that somebody gave to an
 * LLM key of another provider means the latter: a name was chosen on purpose.
 */
import type { AliasRecord, ProviderRecord } from "../wire/record.ts";
import type { Principal } from "./admit.ts";
import { matches } from "./patterns.ts";
import { type Lists, listsOf, modelsOf } from "./prepared.ts";
import { type Refusal, refuse } from "./refusals.ts";
import type { TableView } from "./view.ts";

/** One LLM key that may serve the request, and the name that its provider knows the model by. */
export interface Route {
  readonly provider: ProviderRecord;
  readonly model: string;
  /** Absent when the model was asked for by a name of its own. */
  readonly alias?: AliasRecord;
  /** Which of the alias's targets it is: one is tried before the next. */
  readonly target?: number;
}

export type ModelDecision =
  /**
   * At least one. Those of one provider and model stand together, in id order, and which of them is the relay's choice; of
   * an alias they come in the order of its targets.
   */
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
  const alias = view.alias(principal.key.projectId, model);
  if (alias !== undefined) return judge(view, principal, findTargets(records, alias));
  const prefixed = findPrefixed(records, model);
  return judge(view, principal, prefixed.length > 0 ? prefixed : findBare(records, model));
}

function judge(view: TableView, principal: Principal, candidates: readonly Route[]): ModelDecision {
  if (candidates.length === 0) return { kind: "refused", refusal: refuse("model_not_found") };
  const named = candidates.filter((route) => mayModel(principal, route));
  if (named.length === 0) return { kind: "refused", refusal: refuse("model_not_allowed") };
  const [first, ...rest] = named.filter((route) => mayProvider(principal, route));
  if (first === undefined) return { kind: "refused", refusal: refuse("provider_not_allowed") };
  if (
    first.alias === undefined &&
    rest.some((route) => route.provider.provider !== first.provider.provider)
  ) {
    return { kind: "refused", refusal: refuse("ambiguous_model", { names: fullNames([first, ...rest]) }) };
  }
  const [open, ...others] = [first, ...rest].filter(({ provider }) => !view.closed(provider.id));
  if (open === undefined) return { kind: "refused", refusal: refuse("authorization_stale") };
  return { kind: "routed", routes: [open, ...others] };
}

/** The aliases that the principal may ask for, by name, and who serves each. */
export function listAliases(view: TableView, principal: Principal): { name: string; routes: Route[] }[] {
  const records = view.providersOf(principal.key.projectId);
  return view.aliasesOf(principal.key.projectId).flatMap((alias) => {
    const routes = findTargets(records, alias).filter(
      (route) => mayModel(principal, route) && mayProvider(principal, route),
    );
    return routes.length === 0 ? [] : [{ name: alias.name, routes }];
  });
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

/** What two targets have in common is tried once, where it stands first. */
function findTargets(records: readonly ProviderRecord[], alias: AliasRecord): Route[] {
  const found: Route[] = [];
  for (const [target, asked] of alias.targets.entries()) {
    for (const { provider, model } of findPrefixed(records, asked)) {
      const again = found.some((route) => route.provider === provider && route.model === model);
      if (!again) found.push({ provider, model, alias, target });
    }
  }
  return found;
}

function mayModel({ key, claims }: Principal, route: Route): boolean {
  return allowsModel(listsOf(key), route) && (claims === undefined || allowsModel(listsOf(claims), route));
}

/** A list names models, or the alias itself: whoever lists an alias means what it stands for, now and later. */
function allowsModel({ models }: Lists, { provider, model, alias }: Route): boolean {
  if (models === null || matches(models, model)) return true;
  if (alias !== undefined && matches(models, alias.name)) return true;
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
