import { randomBytes } from "node:crypto";
import { makeApiKey, makeToken } from "@claviger/shared/key/secret";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answering, AU, IR, SURFACES, startAnswering } from "./support/answering.ts";
import { requestBytes, sendRaw } from "./support/raw-http.ts";
import { type Expected, goodBody, PATHS, post } from "./support/refused.ts";

let at: Answering;
const secret = () => at.secret("good");
const random = (length: number) => randomBytes(length);
beforeAll(async () => {
  at = await startAnswering();
});
afterAll(() => at?.world.stack.stop());

describe.each(SURFACES)("credentials on %s's routes", (surface) => {
  test("control: the same request with a good key is served, and names its key", async () => {
    const answer = await post(at.url, surface, secret());
    expect(`${answer.status} ${answer.body}`).toMatch(/^200 /);
    expect(answer.headers.get("x-claviger-key")).toMatch(/^key_/);
    expect(answer.headers.get("x-claviger-gateway")).toBe(at.gateway);
    expect((await post(at.url, surface, at.secret("near"))).status).toBe(200);
  });

  test.each<[string, () => readonly (readonly [string, string])[], Expected]>([
    ["none", () => [], { ...AU("missing_api_key"), headers: { "www-authenticate": "Bearer" } }],
    [
      "an empty Bearer",
      () => [["Authorization", "Bearer"]],
      { ...AU("missing_api_key"), headers: { "www-authenticate": "Bearer" } },
    ],
    [
      "two different ones",
      () => [
        ["Authorization", `Bearer ${secret()}`],
        ["x-api-key", at.secret("near")],
      ],
      IR("ambiguous_credentials"),
    ],
    [
      "one header twice, with different ones",
      () => [
        ["Authorization", `Bearer ${secret()}`],
        ["Authorization", `Bearer ${at.secret("near")}`],
      ],
      AU("malformed_api_key"),
    ],
    ["another scheme", () => [["Authorization", `Basic ${secret()}`]], AU("malformed_api_key")],
    ["bytes beyond ASCII", () => [["Authorization", "Bearer clv_live_\u00e9"]], AU("malformed_api_key")],
    [
      "a token of more than 4 KiB",
      () => [["Authorization", `Bearer clv_live_${"a".repeat(4_100)}`]],
      AU("malformed_api_key"),
    ],
    [
      "an agent's secret",
      () => [["Authorization", `Bearer ${makeToken("agent", random)}`]],
      AU("invalid_api_key"),
    ],
  ])("%s", async (_name, headers, expected) => {
    await at.refuses(surface, expected, () => post(at.url, surface, null, goodBody(), headers()));
  });

  test("a bad checksum and an unknown secret get the same bytes", async () => {
    const typo = secret().slice(0, -1) + (secret().endsWith("0") ? "1" : "0");
    const unknown = makeApiKey(random).secret;
    await at.refuses(surface, AU("invalid_api_key"), () => post(at.url, surface, typo));
    await at.refuses(surface, AU("invalid_api_key"), () => post(at.url, surface, unknown));
    const bodies = await Promise.all([typo, unknown].map((each) => post(at.url, surface, each)));
    const withoutId = bodies.map(({ body }) => body.toString("utf8").replace(/"request_id":"[^"]*"/, ""));
    expect(withoutId[0]).toBe(withoutId[1]);
  });

  test("the same credential in two headers is one credential", async () => {
    const answer = await post(at.url, surface, secret(), goodBody(), [
      [
        surface === "openai" ? "x-api-key" : "Authorization",
        surface === "openai" ? secret() : `Bearer ${secret()}`,
      ],
    ]);
    expect(answer.status).toBe(200);
  });

  test.each([
    ["revoked", AU("key_revoked")],
    ["deleted", AU("key_revoked")],
    ["inactive", AU("key_inactive")],
    ["rotated", AU("key_rotated")],
    ["expired", AU("key_expired")],
    ["elsewhere", { status: 403, type: "PE", code: "gateway_not_allowed" } as const],
    ["far", { status: 403, type: "PE", code: "ip_not_allowed" } as const],
  ])("a key that is %s", async (name, expected) => {
    await at.refuses(surface, expected, () => post(at.url, surface, at.secret(name)));
  });

  test("a forged X-Forwarded-For from an untrusted peer counts for nothing", async () => {
    const expected: Expected = { status: 403, type: "PE", code: "ip_not_allowed" };
    const forged = [["X-Forwarded-For", "10.0.0.1"]] as const;
    await at.refuses(surface, expected, () => post(at.url, surface, at.secret("far"), goodBody(), forged));
  });

  test("x-min-revision: malformed, and ahead of this gateway", async () => {
    for (const value of ["1", "a.b", "-1.2"]) {
      const headers = [["x-min-revision", value]] as const;
      await at.refuses(surface, IR("invalid_revision", "x-min-revision"), () =>
        post(at.url, surface, secret(), goodBody(), headers),
      );
    }
    const behind: Expected = {
      status: 503,
      type: "SU",
      code: "config_behind",
      headers: { "retry-after": "1" },
    };
    await at.refuses(surface, behind, () =>
      post(at.url, surface, secret(), goodBody(), [["x-min-revision", "1.999999"]]),
    );
  });
});

describe("routes", () => {
  const raw = (method: string, path: string) => () =>
    sendRaw(at.url, requestBytes(method, path, [["Authorization", `Bearer ${secret()}`]]));

  test("an unknown one", async () => {
    await at.refuses("openai", { status: 404, type: "IR", code: "unknown_url" }, raw("POST", "/v1/nothing"));
    await at.refuses("openai", { status: 404, type: "IR", code: "unknown_url" }, raw("GET", "/"));
  });

  test.each(SURFACES)(
    "a known one of %s by a method that it does not have says which it has",
    async (surface) => {
      const expected: Expected = {
        status: 405,
        type: "IR",
        code: "method_not_allowed",
        headers: { allow: /POST/ },
      };
      await at.refuses(surface, expected, raw("GET", PATHS[surface]));
      await at.refuses(surface, expected, raw("DELETE", PATHS[surface]));
    },
  );
});
