/**
 * The control plane's routes and whatever bodies, queries and paths come in: an answer of JSON:API or OAuth with its parts
 * and a request id, never a 5xx; and nobody without credentials changes anything.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { routes } from "../../control-plane/src/http/route-table.ts";
import {
  type Heard,
  makeTenant,
  startApi,
  type Tenant,
  type TestApi,
} from "../../control-plane/src/http/testing/api.ts";
import { runsOf, valueWith } from "./values.ts";

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

const NAMES = [
  ...[
    "data",
    "type",
    "id",
    "attributes",
    "name",
    "note",
    "expiresAt",
    "budgetUsd",
    "budgetPeriod",
    "ipAllowlist",
  ],
  ...[
    "allowedModels",
    "mcp",
    "metadata",
    "requestsPerMinute",
    "maxStalenessSeconds",
    "gatewayIds",
    "secretKey",
    "baseUrl",
  ],
  ...[
    "provider",
    "email",
    "role",
    "region",
    "ttlSeconds",
    "inflight",
    "graceSeconds",
    "ids",
    "action",
    "filter",
    "url",
  ],
];
const TYPES = [
  "api-key",
  "llm-api-key",
  "project",
  "member",
  "invitation",
  "gateway",
  "organization",
  "agent",
  "saved-view",
];

const parameter = fc.constantFrom(
  "key_000000000000",
  "prj_000000000000",
  "%00",
  "..",
  "a".repeat(300),
  "'",
  "%F0%9F%8F%B3",
);
const query = fc.constantFrom(
  "",
  "?page[size]=-1",
  "?sort=;",
  "?filter[search]=%00",
  "?page[after]=%7B",
  "?from=NaN&to=1",
  "?%ff=1",
);

/** Those that answer at once; streams and the ways of gateways have fuzz of their own. */
const asked = routes.filter(({ path }) => !/events|follow|\/gateway\/v1|metrics|wait/.test(path));

function judge(heard: Heard, what: string): void {
  expect(heard.status, `${what}: ${heard.text.slice(0, 400)}`).toBeLessThan(500);
  if (heard.status < 400) return;
  expect(heard.headers.get("x-request-id"), what).toMatch(/^req_/);
  const document = JSON.parse(heard.text) as {
    errors?: { id: string; status: string; code: string; title: string }[];
    error?: unknown;
  };
  if (document.error !== undefined) return;
  expect(document.errors?.length, what).toBeGreaterThan(0);
  for (const error of document.errors ?? []) {
    expect(error, what).toMatchObject({
      status: String(heard.status),
      code: expect.any(String),
      title: expect.any(String),
    });
    expect(JSON.stringify(error), what).not.toMatch(/\.ts:\d+|select .* from|postgres/i);
  }
}

test("there are routes to ask", () => {
  expect(asked.length).toBeGreaterThan(60);
});

test("I19: any route with any body, query and name in its path is answered, and never with a fault of ours", async () => {
  await fc.assert(
    fc.asyncProperty(
      ...([
        fc.constantFrom(...asked),
        valueWith(NAMES),
        fc.constantFrom(...TYPES),
        fc.nat(3),
        parameter,
        query,
      ] as const),
      async (route, value, type, shape, name, search) => {
        const path = route.path
          .replaceAll(/:\w*[pP]roject\w*/g, tenant.projectId)
          .replaceAll(/[:{]\w+}?/g, name);
        const body = [value, { data: { type, attributes: value } }, { data: value }, undefined][shape];
        const raw = route.method === "GET" || body === undefined ? {} : { raw: JSON.stringify(body) };
        const what = `${route.method} ${path}${search} ${JSON.stringify(body)}`;
        judge(await api.call(route.method, `${path}${search}`, { token: tenant.token, ...raw }), what);
      },
    ),
    { ...runsOf(300), endOnFailure: true },
  );
});

test("bodies that are no JSON are a 400 or a 415 on every route that takes one", async () => {
  const takes = asked.filter(({ method }) => method === "POST" || method === "PATCH");
  for (const route of takes) {
    const path = route.path
      .replaceAll(/:\w*[pP]roject\w*/g, tenant.projectId)
      .replaceAll(/[:{]\w+}?/g, "key_000000000000");
    for (const raw of [
      "{",
      '{"data":{},"data":{}}',
      `${"[".repeat(200)}${"]".repeat(200)}`,
      '"\\ud800"',
      "\ufeff{}",
    ]) {
      judge(
        await api.call(route.method, path, { token: tenant.token, raw }),
        `${route.method} ${path} ${raw.slice(0, 30)}`,
      );
    }
  }
});

test("without credentials nothing is read or changed by any route, whatever is sent", async () => {
  const before = await api.call("GET", `/api/v1/api-keys`, { token: tenant.token });
  const open = new Set(["/api/v1/sessions", "/api/v1/leaked-keys", "/oauth/token", "/healthz", "/readyz"]);
  for (const route of asked.filter(({ path }) => path.startsWith("/api/v1/") && !open.has(path))) {
    const path = route.path
      .replaceAll(/:\w*[pP]roject\w*/g, tenant.projectId)
      .replaceAll(/[:{]\w+}?/g, "key_000000000000");
    const raw =
      route.method === "GET" ? {} : { raw: '{"data":{"type":"api-key","attributes":{"name":"n"}}}' };
    const heard = await api.call(route.method, path, raw);
    judge(heard, `${route.method} ${path}`);
    expect(heard.status === 200 && heard.text.includes(tenant.projectId), `${route.method} ${path}`).toBe(
      false,
    );
  }
  expect((await api.call("GET", `/api/v1/api-keys`, { token: tenant.token })).text).toBe(before.text);
});
