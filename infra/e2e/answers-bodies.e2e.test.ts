import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answering, IR, SURFACES, startAnswering } from "./support/answering.ts";
import { type Expected, expectRefusal, goodBody, post } from "./support/refused.ts";

let at: Answering;
const secret = () => at.secret("good");
beforeAll(async () => {
  at = await startAnswering();
});
afterAll(() => at?.world.stack.stop());

describe.each(SURFACES)("bodies on %s's routes", (surface) => {
  const nested = (depth: number) => `{"model":"sandbox/echo","x":${"[".repeat(depth)}${"]".repeat(depth)}}`;

  test.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["not an object", "[]"],
    ["a member twice", '{"model":"sandbox/echo","model":"sandbox/story","max_tokens":8,"messages":[]}'],
    [
      "a member twice, once escaped",
      '{"model":"sandbox/echo","mod\\u0065l":"sandbox/story","max_tokens":8,"messages":[]}',
    ],
    ["depth 65", nested(65)],
    ["__proto__", '{"model":"sandbox/echo","__proto__":{"a":1},"max_tokens":8,"messages":[]}'],
    [
      "a lone surrogate",
      '{"model":"sandbox/echo","max_tokens":8,"messages":[{"role":"user","content":"\\ud800"}]}',
    ],
    ["text after the object", `${goodBody()}{}`],
  ])("%s is invalid JSON", async (_name, body) => {
    await at.refuses(surface, IR("invalid_json"), () => post(at.url, surface, secret(), body));
  });

  test("bytes that are no UTF-8 are invalid JSON", async () => {
    const body = Buffer.from(goodBody().replace("hello", "hell\u00ff"), "latin1");
    await at.refuses(surface, IR("invalid_json"), () => post(at.url, surface, secret(), body));
  });

  test("another media type, and a compressed body", async () => {
    const type: Expected = { status: 415, type: "IR", code: "unsupported_media_type" };
    await at.refuses(surface, type, () =>
      post(at.url, surface, secret(), goodBody(), [["Content-Type", "text/plain"]]),
    );
    const coding: Expected = { status: 415, type: "IR", code: "unsupported_encoding" };
    await at.refuses(surface, coding, () =>
      post(at.url, surface, secret(), goodBody(), [["Content-Encoding", "gzip"]]),
    );
  });

  test("a body announced beyond the limit, and headers beyond 16 KiB (before any route is known, so in one shape)", async () => {
    const large: Expected = { status: 413, type: "IR", code: "request_too_large" };
    await at.refuses(surface, large, () =>
      post(at.url, surface, secret(), goodBody(), [["Content-Length", "9999999999"]]),
    );
    const many: Expected = { status: 431, type: "IR", code: "headers_too_large" };
    await at.refuses("openai", many, () =>
      post(at.url, surface, secret(), goodBody(), [["x-filler", "a".repeat(17_000)]]),
    );
  });

  test.each<[string, Record<string, unknown>, Expected]>([
    ["negative", { max_tokens: -1 }, IR("invalid_value", "max_tokens")],
    ["fractional", { max_tokens: 1.5 }, IR("invalid_value", "max_tokens")],
    ["a string", { max_tokens: "NaN" }, IR("invalid_value", "max_tokens")],
  ])("an output limit that is %s", async (_name, changes, expected) => {
    await at.refuses(surface, expected, () => post(at.url, surface, secret(), goodBody(changes)));
  });

  test("a body that names another address or credential", async () => {
    for (const member of ["base_url", "api_key"]) {
      const body = goodBody({ [member]: "http://169.254.169.254/" });
      await at.refuses(surface, IR("unknown_parameter", member), () => post(at.url, surface, secret(), body));
    }
  });
});

describe.each(SURFACES)("models on %s's routes", (surface) => {
  const model = (status: number, type: Expected["type"], code: string): Expected => ({
    status,
    type,
    code,
    param: "model",
  });

  test.each<[string, unknown, Expected]>([
    ["missing", undefined, IR("missing_required_parameter", "model")],
    ["a number", 7, IR("invalid_type", "model")],
    ["null", null, IR("invalid_type", "model")],
    ["of more than 256 characters", "m".repeat(257), IR("invalid_type", "model")],
    ["unknown", "sandbox/nothing", model(404, "IR", "model_not_found")],
    ["of an unknown provider", "nobody/echo", model(404, "IR", "model_not_found")],
    ["in other letters", "sandbox/Echo", model(404, "IR", "model_not_found")],
  ])("%s", async (_name, value, expected) => {
    await at.refuses(surface, expected, () => post(at.url, surface, secret(), goodBody({ model: value })));
  });

  test("not on the key's list; of a provider that the key may not use; in a project without LLM keys", async () => {
    const send =
      (name: string, body = goodBody()) =>
      () =>
        post(at.url, surface, at.secret(name), body);
    await at.refuses(surface, model(403, "PE", "model_not_allowed"), send("story"));
    await at.refuses(surface, model(403, "PE", "provider_not_allowed"), send("foreign"));
    await at.refuses(surface, model(404, "IR", "model_not_found"), send("bare"));
    expect((await send("story", goodBody({ model: "sandbox/story" }))()).status).toBe(200);
  });

  test("a bare name that two providers have names both", async () => {
    const answer = await post(at.url, surface, at.secret("twins"), goodBody({ model: "twin" }));
    expectRefusal(answer, surface, IR("ambiguous_model", "model"), at.gateway, []);
    for (const name of ["openai/twin", "anthropic/twin"])
      expect(answer.body.toString("utf8")).toContain(name);
    expect((await post(at.url, surface, secret(), goodBody({ model: "echo" }))).status).toBe(200);
  });
});

describe.each(SURFACES)("the provider's failures on %s's routes", (surface) => {
  test.each<[number, Expected]>([
    [401, { status: 502, type: "UP", code: "provider_auth_failed" }],
    [403, { status: 502, type: "UP", code: "provider_auth_failed" }],
    [429, { status: 429, type: "RL", code: "provider_rate_limited", headers: { "retry-after": /^\d+$/ } }],
    [500, { status: 502, type: "UP", code: "provider_error" }],
    [503, { status: 502, type: "UP", code: "provider_error" }],
  ])("its %i", async (status, expected) => {
    const answer = await post(at.url, surface, secret(), goodBody(), [
      ["x-sandbox", JSON.stringify({ status })],
    ]);
    expect(`${answer.status} ${answer.body}`).toMatch(new RegExp(`^${expected.status} `));
    if (surface === "openai") expect(answer.json).toMatchObject({ error: { code: expected.code } });
  });
});
