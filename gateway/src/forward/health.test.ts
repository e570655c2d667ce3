import type { Route } from "@claviger/shared/decide/model";
import { buildProvider } from "@claviger/shared/testing/records";
import { expect, test } from "vitest";
import { Health } from "./health.ts";

const llm = (n: number, provider = "openai", model = "gpt"): Route => ({
  provider: buildProvider({ id: `llm_00000000000${n}`, provider, name: `key-${n}` }),
  model,
});
const [a, b, c] = [llm(1), llm(2), llm(3)];
const ids = (routes: readonly Route[]) => routes.map(({ provider }) => provider.id.slice(-1)).join("");
const failing = (health: Health, { provider }: Route, times: number, nowMs = 0) => {
  for (let n = 0; n < times; n++) health.failed(provider, nowMs, "failing");
};

test("LLM keys of one provider take turns, each as often as the others", () => {
  const health = new Health();
  const orders = Array.from({ length: 6 }, () => ids(health.order([a, b, c], 0)));
  expect(orders).toEqual(["123", "231", "312", "123", "231", "312"]);
});

test("requests for two models in turn do not keep an LLM key of either idle", () => {
  const health = new Health();
  const others = [llm(4, "openai", "mini"), llm(5, "openai", "mini")];
  const first = new Set<string>();
  for (let n = 0; n < 4; n++) {
    first.add(ids(health.order([a, b], 0))[0] ?? "");
    first.add(ids(health.order(others, 0))[0] ?? "");
  }
  expect([...first].sort()).toEqual(["1", "2", "4", "5"]);
});

test("turns are taken inside one step of a fallback order, never across steps", () => {
  const health = new Health();
  const order = [a, b, llm(4, "anthropic", "claude"), llm(5, "openai", "mini")];
  expect([1, 2].map(() => ids(health.order(order, 0)))).toEqual(["1245", "2145"]);
});

test("LLM keys that an alias names one after the other do not take turns", () => {
  const health = new Health();
  const order = [b, a].map((route, target) => ({ ...route, target }));
  expect([1, 2].map(() => ids(health.order(order, 0)))).toEqual(["21", "21"]);
});

test("one that fails three times in a row rests for 5 s, behind a fallback too, and twice as long each time after", () => {
  const health = new Health();
  const fallback = llm(4, "anthropic", "claude");
  failing(health, a, 2);
  expect(ids(health.order([a, fallback], 0))).toBe("14");
  failing(health, a, 1);
  expect(ids(health.order([a, fallback], 4_999))).toBe("41");
  expect(ids(health.order([a, fallback], 5_000))).toBe("14");
  failing(health, a, 1, 5_000);
  expect(health.restsUntilMs(a.provider)).toBe(15_000);
  failing(health, a, 10, 20_000);
  expect(health.restsUntilMs(a.provider)).toBe(80_000);
});

test("a success ends rest and count", () => {
  const health = new Health();
  failing(health, a, 3);
  health.worked(a.provider);
  failing(health, a, 2);
  expect(ids(health.order([a, llm(4, "anthropic", "claude")], 0))).toBe("14");
});

test("after a rest one request finds out, and the others stay away meanwhile", () => {
  const health = new Health();
  const order = [a, llm(4, "anthropic", "claude")];
  failing(health, a, 3);
  expect(ids(health.order(order, 5_000))).toBe("14");
  health.asked(a.provider, 5_000);
  expect(ids(health.order(order, 5_001))).toBe("41");
  // Whoever found out left without an answer.
  expect(ids(health.order(order, 15_000))).toBe("14");
});

test("a provider's retry-after is obeyed at once, up to five minutes", () => {
  const health = new Health();
  health.failed(a.provider, 0, "failing", 20_000);
  expect(health.restsUntilMs(a.provider)).toBe(20_000);
  health.failed(b.provider, 0, "failing", 86_400_000);
  expect(health.restsUntilMs(b.provider)).toBe(300_000);
});

test("a rejected credential rests at once", () => {
  const health = new Health();
  health.failed(a.provider, 0, "rejected");
  expect(health.restsUntilMs(a.provider)).toBe(5_000);
});

test("when all rest, all are asked: soonest awake first", () => {
  const health = new Health();
  health.failed(a.provider, 0, "failing", 30_000);
  health.failed(b.provider, 0, "failing", 10_000);
  expect(ids(health.order([a, b], 1))).toBe("21");
});

test("an LLM key that was changed starts anew", () => {
  const health = new Health();
  failing(health, a, 5);
  const changed = { ...a, provider: { ...a.provider, secretVersion: 2 } };
  expect(health.restsUntilMs(changed.provider)).toBe(Number.NEGATIVE_INFINITY);
});
