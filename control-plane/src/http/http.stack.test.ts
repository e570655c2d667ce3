import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { routes } from "./route-table.ts";
import {
  makeKey,
  makeTenant,
  PASSWORD,
  resource,
  settings,
  startApi,
  type Tenant,
  type TestApi,
} from "./testing/api.ts";

let api: TestApi;
let tenant: Tenant;
let keyId: string;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
  keyId = (await makeKey(api, tenant)).resource.id;
});
afterAll(() => api?.stop());

test("a method that an address does not take is told those it takes", async () => {
  const heard = await api.call("PUT", `/api/v1/api-keys/${keyId}`, { token: tenant.token, raw: "{}" });
  expect(heard.refusal).toBe("405 method_not_allowed");
  expect(heard.headers.get("allow")?.split(", ").sort()).toEqual(["DELETE", "GET", "HEAD", "PATCH"]);
});

test("every member route refuses who is not signed in, before it reads anything", async () => {
  for (const route of routes.filter(({ access }) => access !== "public")) {
    const path = route.path.replace(/:[a-zA-Z0-9]+/g, "key_000000000000");
    const heard = await api.call(route.method, path, route.method === "GET" ? {} : { raw: "{" });
    expect(`${route.method} ${route.path} ${heard.refusal}`).toBe(
      `${route.method} ${route.path} 401 authentication_required`,
    );
  }
});

test("a broken assumption is a 500 with constant words; what the database said is not passed on", async () => {
  await api.ports.db.execute(sql`alter table llm_key rename to llm_key_away`);
  const heard = await api.call("GET", "/api/v1/llm-api-keys", { token: tenant.token });
  await api.ports.db.execute(sql`alter table llm_key_away rename to llm_key`);
  expect(heard.refusal).toBe("500 internal_error");
  expect(heard.text).not.toMatch(/llm_key|select|relation/);
});

test("the reference describes every route, with the schemas that serve it", async () => {
  const heard = await api.call("GET", "/openapi.json");
  const { openapi, paths } = heard.document as {
    openapi: string;
    paths: Record<string, Record<string, unknown>>;
  };
  expect(openapi).toBe("3.1.0");
  for (const { method, path } of routes) {
    expect(paths[path.replace(/:([A-Za-z0-9]+)/g, "{$1}")]).toHaveProperty(method.toLowerCase());
  }
  expect(JSON.stringify(paths["/api/v1/projects/{projectId}/api-keys"])).toContain("ipAllowlist");
  const page = await api.call("GET", "/docs");
  expect(page.text).toContain("/api/v1/api-keys/{id}/rotate");
  expect(page.text).not.toMatch(/<script|https?:\/\/|style=|\son[a-z]+=/);
  expect(page.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; /,
  );
});

test("health and readiness stand outside of the API and need nobody", async () => {
  expect((await api.call("GET", "/healthz")).status).toBe(200);
  expect((await api.call("GET", "/readyz")).document).toEqual({ status: "ready" });
});

test("the operator's token makes organizations and opens nothing else", async () => {
  const body = resource("organization", {
    name: "n",
    adminEmail: "o@example.com",
    adminPassword: "long enough it is",
  });
  expect((await api.call("POST", "/api/v1/organizations", { body })).refusal).toBe(
    "401 authentication_required",
  );
  expect(
    (await api.call("POST", "/api/v1/organizations", { token: `${settings.operatorToken}x`, body })).refusal,
  ).toBe("401 invalid_token");
});

test("a path of its own is not taken for an id under another method", async () => {
  const answer = await api.call("GET", "/api/v1/gateways/enrolment-tokens");
  expect([answer.refusal, answer.headers.get("allow")]).toEqual(["405 method_not_allowed", "POST"]);
});

test("signing in is not replayed: each call with the same Idempotency-Key has a session and a cookie of its own", async () => {
  const { email } = await makeTenant(api);
  const signIn = async () => {
    const body = resource("session", { email, password: PASSWORD });
    const headers = { "idempotency-key": "sign-in" };
    return (await api.call("POST", "/api/v1/sessions", { body, headers })).headers.get("set-cookie");
  };
  const [first, second] = [await signIn(), await signIn()];
  expect(first).toContain("=");
  expect(second).not.toBe(first);
});
