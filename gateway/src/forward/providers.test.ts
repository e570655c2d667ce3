import { expect, test } from "vitest";
import { requestHead } from "./head.ts";
import { type ProviderRow, providers, targetOf } from "./providers.ts";

const row = (name: string): ProviderRow => {
  const found = providers[name];
  if (found === undefined) throw new Error(name);
  return found;
};

test("a base URL with and without the provider's own prefix means the same place", () => {
  const at = (name: string, baseUrl: string) => {
    const target = targetOf(row(name), "chat.completions", baseUrl);
    return target && target.origin + target.path;
  };
  expect(at("openai", "https://api.openai.com")).toBe("https://api.openai.com/v1/chat/completions");
  expect(at("openai", "https://api.openai.com/v1/")).toBe("https://api.openai.com/v1/chat/completions");
  expect(at("groq", "https://api.groq.com")).toBe("https://api.groq.com/openai/v1/chat/completions");
  expect(at("openai-compatible", "http://vllm:8000/team/v1")).toBe(
    "http://vllm:8000/team/v1/chat/completions",
  );
});

test("a base URL that could move the host, or a surface that is not spoken, has no target", () => {
  for (const url of [
    "https://a:b@api.openai.com",
    "https://api.openai.com?x",
    "https://x#y",
    "ftp://x",
    "nonsense",
  ]) {
    expect([url, targetOf(row("openai"), "chat.completions", url)]).toEqual([url, undefined]);
  }
  for (const [name, each] of Object.entries(providers)) {
    const spoken = targetOf(each, "messages", "https://x") !== undefined;
    expect([name, spoken]).toEqual([name, name === "anthropic" || name === "sandbox"]);
  }
  expect(providers["constructor"]).toBeUndefined();
});

test("an abandoned call is read on for its usage where the provider bills it to its end, and only there", () => {
  const readOn = Object.entries(providers).filter(([, each]) => !each.abortStopsBilling);
  expect(readOn.map(([name]) => name)).toEqual(["gemini", "mistral", "groq"]);
});

test("of a caller's headers only named ones pass, and the sandbox's steering only to the sandbox", () => {
  const sent: Record<string, string> = {
    authorization: "Bearer clv_live_x",
    "x-api-key": "clv_live_x",
    cookie: "a=b",
    "x-sandbox": "{}",
    "x-claviger-key": "key_x",
    "anthropic-beta": "one\r\nx: y",
    "openai-beta": "assistants=v2",
    host: "evil",
  };
  const head = (provider: string, dialect: "openai" | "anthropic" | "gemini") => {
    const flat = requestHead({
      ...{ provider, dialect, row: row(provider), credential: "sk-1" },
      ...{ contentType: "application/json", accept: "text/event-stream" },
      header: (name) => sent[name],
    });
    return Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])));
  };
  expect(head("openai", "openai")).toEqual({
    "content-type": "application/json",
    accept: "text/event-stream",
    "accept-encoding": "identity",
    "user-agent": "claviger",
    authorization: "Bearer sk-1",
    "openai-beta": "assistants=v2",
  });
  const anthropic = head("anthropic", "anthropic");
  expect(anthropic).toMatchObject({ "x-api-key": "sk-1", "anthropic-version": "2023-06-01" });
  expect(anthropic).not.toHaveProperty("authorization");
  expect(anthropic).not.toHaveProperty("anthropic-beta");
  expect(head("sandbox", "anthropic")).toMatchObject({ "x-sandbox": "{}", authorization: "Bearer sk-1" });
  expect(JSON.stringify(head("sandbox", "anthropic"))).not.toContain("clv_live");
});
