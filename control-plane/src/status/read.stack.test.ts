import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTenant, startApi, type TestApi } from "../http/testing/api.ts";
import { readMetrics } from "./read.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

test("however often the metrics are asked for, the database counts once in five seconds", async () => {
  let nowMs = 1_000_000;
  const ports = { ...api.ports, clock: { nowMs: () => nowMs } };
  const organizations = async () => /claviger_organizations (\d+)/.exec(await readMetrics(ports))?.[1];
  expect(await organizations()).toBe("0");
  await makeTenant(api);
  nowMs += 4_999;
  expect(await organizations()).toBe("0");
  nowMs += 1;
  expect(await organizations()).toBe("1");
});
