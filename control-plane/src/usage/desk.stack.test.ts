import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTenant, startApi, type TestApi } from "../http/testing/api.ts";
import { askUsage } from "./desk.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api?.stop();
});

test("an organization that asks for usage all at once has two connections, waits, and is then told to; others are answered", async () => {
  const [flood, other] = [await makeTenant(api), await makeTenant(api)];
  const go = Promise.withResolvers<void>();
  let busy = 0;
  let most = 0;
  const asked = Array.from({ length: 18 }, () =>
    askUsage(api.ports, flood.organizationId, async () => {
      most = Math.max(most, ++busy);
      await go.promise;
      busy -= 1;
    }),
  );
  await expect.poll(() => busy, { timeout: 30_000 }).toBe(2);
  const ask = (token: string, headers = {}) => api.call("GET", "/api/v1/usage", { token, headers });
  for (const headers of [{}, { accept: "text/csv" }]) {
    const refused = await ask(flood.token, headers);
    expect([refused.refusal, refused.headers.get("retry-after")]).toEqual(["429 rate_limit_exceeded", "5"]);
  }
  expect((await ask(other.token)).refusal).toBe("200");
  go.resolve();
  await Promise.all(asked);
  expect(most).toBe(2);
  expect((await ask(flood.token)).refusal).toBe("200");
});

test("PostgreSQL works on one of them for half a minute at most, and whoever asked is told what to do", async () => {
  const { organizationId } = await makeTenant(api);
  const [given] = await askUsage(api.ports, organizationId, (tx) =>
    tx.execute<{ timeout: string }>(sql`select current_setting('statement_timeout') as timeout`),
  );
  expect(given?.timeout).toBe("30s");
  const slow = askUsage(api.ports, organizationId, (tx) => tx.execute(sql`select pg_sleep(120)`), {
    workMsMax: 50,
  });
  await expect(slow).rejects.toMatchObject({
    code: "database_unavailable",
    message: expect.stringContaining("shorter range"),
  });
  const [after] = await api.ports.db.execute(sql`select current_setting('statement_timeout') as timeout`);
  expect(after?.timeout).toBe("0");
});
