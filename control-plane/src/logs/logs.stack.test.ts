import { afterAll, beforeAll, expect, test } from "vitest";
import { makeMember, makeTenant, startApi, type Tenant, type TestApi } from "../http/testing/api.ts";

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

test("what was said in a request is asked for by admins, and of one request at a time", async () => {
  const member = await makeMember(api, tenant, "member");
  const ask = (query: string, token: string) => api.call("GET", `/api/v1/logs?${query}`, { token });
  const one = "filter[requestId]=req_000000000001&include=bodies";
  expect((await ask(one, tenant.token)).status).toBe(200);
  expect((await ask(one, member.token)).refusal).toBe("403 insufficient_role");
  expect((await ask("filter[requestId]=req_000000000001", member.token)).status).toBe(200);
  expect((await ask("include=bodies", tenant.token)).refusal).toBe("400 invalid_value include");
  expect((await ask(`${one}x`, tenant.token)).status).toBe(400);
});
