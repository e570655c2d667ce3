import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildKey, buildProvider, buildView, FRESH, fakeDigest } from "../testing/records.ts";
import type { AliasRecord, KeyRecord, ProviderRecord } from "../wire/record.ts";
import { admitKey } from "./admit.ts";
import { admitModel, listAliases, listRoutes, readModel } from "./model.ts";
import { coversPatterns, matches, preparePatterns } from "./patterns.ts";
import { recheck } from "./recheck.ts";

function principalOf(key: KeyRecord, providers: readonly ProviderRecord[]) {
  const view = buildView({ keys: [key], providers });
  const caller = { hash: fakeDigest("secret"), gatewayId: "gw_1", ip: undefined };
  const decision = admitKey(view, FRESH, caller);
  if (decision.kind !== "admitted") throw new Error("refused");
  return { view, principal: decision.principal };
}

/** `id/upstream-name` of every route, or the code with the names. */
function find(model: string, providers: readonly ProviderRecord[], lists: Partial<KeyRecord> = {}): string {
  const { view, principal } = principalOf(buildKey(lists), providers);
  const found = admitModel(view, principal, model);
  if (found.kind === "refused") return [found.refusal.code, ...(found.refusal.names ?? [])].join(" ");
  return found.routes.map((route) => `${route.provider.id.slice(-1)}:${route.model}`).join(" ");
}

let n = 0;
const llm = (provider: string, name: string, models: string[]) =>
  buildProvider({ id: `llm_00000000000${++n % 10}`, provider, name, models });

const openai = llm("openai", "openai", ["gpt", "gpt-mini", "shared"]);
const openaiEu = llm("openai", "eu", ["gpt", "eu-only"]);
const anthropic = llm("anthropic", "anthropic", ["claude", "shared"]);
const together = llm("together", "together", ["meta/llama", "openai/gpt"]);
const misnamed = llm("mistral", "openai", ["gpt", "large"]);
const all = [openai, openaiEu, anthropic];

describe("how a model is found", () => {
  test.each<[string, ProviderRecord[], Partial<KeyRecord>, string]>([
    ["gpt-mini", all, {}, "1:gpt-mini"],
    ["gpt", all, {}, "1:gpt 2:gpt"],
    ["openai/gpt", all, {}, "1:gpt 2:gpt"],
    ["eu/gpt", all, {}, "2:gpt"],
    ["openai/eu-only", all, {}, "2:eu-only"],
    ["shared", all, {}, "ambiguous_model openai/shared anthropic/shared"],
    ["shared", all, { allowedProviders: ["anthropic"] }, "3:shared"],
    ["shared", all, { allowedModels: ["openai/*"] }, "1:shared"],
    ["anthropic/shared", all, {}, "3:shared"],
    ["nothing", all, {}, "model_not_found"],
    ["openai/claude", all, {}, "model_not_found"],
    ["gpt", [], {}, "model_not_found"],
    ["", all, {}, "model_not_found"],
    ["/gpt", all, {}, "model_not_found"],
    ["openai/", all, {}, "model_not_found"],
    ["GPT", all, {}, "model_not_found"],
    ["constructor", all, {}, "model_not_found"],
    ["meta/llama", [together], {}, "4:meta/llama"],
    ["together/meta/llama", [together], {}, "4:meta/llama"],
    ["openai/gpt", [together], {}, "4:openai/gpt"],
    ["openai/gpt", [together, openai], {}, "1:gpt"],
    ["openai/gpt", [openaiEu, misnamed], {}, "5:gpt"],
    ["gpt", all, { allowedModels: ["claude"] }, "model_not_allowed"],
    ["gpt", all, { allowedModels: ["gpt"] }, "1:gpt 2:gpt"],
    ["gpt", all, { allowedModels: ["gp*"] }, "1:gpt 2:gpt"],
    ["gpt", all, { allowedModels: ["eu/gpt"] }, "2:gpt"],
    ["gpt", all, { allowedModels: ["eu/*"] }, "2:gpt"],
    ["openai/gpt", all, { allowedModels: ["eu/*"] }, "2:gpt"],
    ["gpt", all, { allowedModels: ["g*t"] }, "model_not_allowed"],
    ["gpt", all, { allowedModels: ["*"] }, "1:gpt 2:gpt"],
    ["gpt", all, { allowedModels: [] }, "model_not_allowed"],
    ["gpt", all, { allowedProviders: ["anthropic"] }, "provider_not_allowed"],
    ["gpt", all, { allowedProviders: ["eu"] }, "provider_not_allowed"],
    ["gpt", all, { allowedProviders: [] }, "provider_not_allowed"],
    ["gpt", all, { allowedProviders: ["anthropic"], allowedModels: ["claude"] }, "model_not_allowed"],
  ])("%s of %j with %j", (model, providers, lists, expected) => {
    expect(find(model, providers, lists)).toBe(expected);
  });

  test("of another project is nobody's", () => {
    expect(find("gpt", [{ ...openai, projectId: "prj_000000000002" }])).toBe("model_not_found");
  });
});

describe("an alias", () => {
  const alias = (name: string, targets: string[], projectId: string | null = null): AliasRecord => ({
    id: `als_${name.padEnd(12, "0")}`,
    projectId,
    name,
    targets,
  });
  const aliases = [
    alias("fast", ["openai/gpt-mini", "anthropic/claude"]),
    alias("gpt", ["eu/gpt", "openai/gpt"]),
    alias("twice", ["anthropic/claude", "anthropic/claude", "fast/x", "openai/nothing"]),
    alias("away", ["openai/nothing"]),
    alias("own", ["openai/gpt"], "prj_000000000002"),
  ];
  const named = (model: string, lists: Partial<KeyRecord> = {}) => {
    const view = buildView({ keys: [buildKey(lists)], providers: all, aliases });
    const { principal } = principalOf(buildKey(lists), all);
    return { view, principal, found: admitModel(view, principal, model) };
  };
  const spell = (model: string, lists: Partial<KeyRecord> = {}) => {
    const { found } = named(model, lists);
    if (found.kind === "refused") return found.refusal.code;
    return found.routes.map(({ provider, model: own }) => `${provider.id.slice(-1)}:${own}`).join(" ");
  };

  test.each<[string, Partial<KeyRecord>, string]>([
    ["fast", {}, "1:gpt-mini 3:claude"],
    ["gpt", {}, "2:gpt 1:gpt"],
    ["openai/gpt", {}, "1:gpt 2:gpt"],
    ["twice", {}, "3:claude"],
    ["away", {}, "model_not_found"],
    ["own", {}, "model_not_found"],
    ["fast", { allowedModels: ["fast"] }, "1:gpt-mini 3:claude"],
    ["fast", { allowedModels: ["claude"] }, "3:claude"],
    ["fast", { allowedModels: ["gpt"] }, "model_not_allowed"],
    ["gpt-mini", { allowedModels: ["fast"] }, "model_not_allowed"],
    ["fast", { allowedProviders: ["anthropic"] }, "3:claude"],
    ["fast", { allowedProviders: ["mistral"] }, "provider_not_allowed"],
    ["fast", { allowedModels: ["fast"], allowedProviders: ["openai"] }, "1:gpt-mini"],
  ])("%s with %j stands for its targets, in their order", (model, lists, expected) => {
    expect(spell(model, lists)).toBe(expected);
  });

  test("is listed when one of its targets serves the key", () => {
    const listed = (lists: Partial<KeyRecord>) => {
      const { view, principal } = named("fast", lists);
      return listAliases(view, principal).map(({ name }) => name);
    };
    expect(listed({}).sort()).toEqual(["fast", "gpt", "twice"]);
    expect(listed({ allowedModels: ["claude"] }).sort()).toEqual(["fast", "twice"]);
  });

  test("that was changed on the way is looked at again: a target that is no longer one gets no request", () => {
    const { view, principal, found } = named("fast");
    if (found.kind === "refused") throw new Error("refused");
    const [first] = found.routes;
    expect(recheck(view, FRESH, principal, "fast", first)).toBeUndefined();
    const later = (targets: string[] | undefined) => {
      const now = targets === undefined ? [] : [alias("fast", targets)];
      const changed = buildView({ keys: [principal.key], providers: all, aliases: now });
      return recheck(changed, FRESH, principal, "fast", first)?.code;
    };
    expect(later(["anthropic/claude", "openai/gpt-mini"])).toBeUndefined();
    expect(later(["anthropic/claude"])).toBe("model_not_found");
    expect(later(["openai/gpt"])).toBe("model_not_found");
    expect(later(undefined)).toBe("model_not_found");
  });
});

test("the list of models names exactly what a request would be routed to", () => {
  const list = fc.option(
    fc.subarray(["gpt", "gpt*", "eu/*", "openai/gpt", "claude", "anthropic/s*", "*"], { minLength: 1 }),
    { nil: null },
  );
  const providers = fc.option(fc.subarray(["openai", "anthropic", "nobody"], { minLength: 1 }), {
    nil: null,
  });
  fc.assert(
    fc.property(list, providers, (allowedModels, allowedProviders) => {
      const { view, principal } = principalOf(buildKey({ allowedModels, allowedProviders }), all);
      const listed = listRoutes(view, principal).map(({ provider, model }) => `${provider.id} ${model}`);
      const routed = all.flatMap(({ name, models }) =>
        models.flatMap((model) => {
          const found = admitModel(view, principal, `${name}/${model}`);
          return found.kind === "routed" ? found.routes.map((r) => `${r.provider.id} ${r.model}`) : [];
        }),
      );
      expect(new Set(listed)).toEqual(new Set(routed));
    }),
  );
});

test.each<[unknown, string]>([
  ["echo", "echo"],
  ["e".repeat(256), "e".repeat(256)],
  [undefined, "missing_required_parameter"],
  ["", "missing_required_parameter"],
  [null, "invalid_type"],
  [1, "invalid_type"],
  [["echo"], "invalid_type"],
  ["e".repeat(257), "invalid_type"],
])("a body's model %j", (value, expected) => {
  const model = readModel(value);
  expect(typeof model === "string" ? model : model.code).toBe(expected);
  if (typeof model !== "string") expect(model.param).toBe("model");
});

describe("patterns", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", "/", "*", "."), maxLength: 5 });
  const list = fc.array(name, { maxLength: 4 });
  const oracle = (pattern: string, text: string) => {
    const literal = (part: string) => part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    const source = pattern.endsWith("*") ? `${literal(pattern.slice(0, -1))}[^]*` : literal(pattern);
    return new RegExp(`^${source}$`).test(text);
  };

  test("match as the same expressions do", () => {
    fc.assert(
      fc.property(list, name, (patterns, text) => {
        const naive = patterns.some((pattern) => oracle(pattern, text));
        expect(matches(preparePatterns(patterns), text)).toBe(naive);
      }),
      { numRuns: 5000 },
    );
  });

  test("cover others exactly when no name is matched by those alone", () => {
    fc.assert(
      fc.property(list, list, (a, b) => {
        const [outer, inner] = [preparePatterns(a), preparePatterns(b)];
        // A prefix is covered when it is, and when it is with one more character that no pattern has.
        const witnesses = b.flatMap((p) => (p.endsWith("*") ? [p.slice(0, -1), `${p.slice(0, -1)}~`] : [p]));
        const naive = witnesses.every((text) => matches(outer, text));
        expect(coversPatterns(outer, inner)).toBe(naive);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("an LLM key that is closed by caution", () => {
  const route = (provider: ProviderRecord) => ({ provider, model: "gpt" });

  test("serves nobody: another one does, and alone it is a defect of ours and not of the caller's", () => {
    const { principal } = principalOf(buildKey(), all);
    const closedView = (...closed: ProviderRecord[]) =>
      buildView({ providers: all, closed: closed.map(({ id }) => id) });
    const both = closedView(openai, openaiEu);
    expect(admitModel(closedView(openai), principal, "gpt")).toMatchObject({ routes: [route(openaiEu)] });
    expect(admitModel(both, principal, "gpt")).toMatchObject({ refusal: { code: "authorization_stale" } });
    expect(admitModel(both, principal, "claude")).toMatchObject({ kind: "routed" });
  });

  test("is refused in the turn of the forward, too", () => {
    const { view, principal } = principalOf(buildKey(), all);
    expect(recheck(view, FRESH, principal, "gpt", route(openai))).toBeUndefined();
    const closed = buildView({ providers: all, closed: [openai.id] });
    expect(recheck(closed, FRESH, principal, "gpt", route(openai))?.code).toBe("authorization_stale");
  });
});
