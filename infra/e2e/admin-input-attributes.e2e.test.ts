import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { at, type InputTrial, newKey, resource, startInputTrial } from "./support/wrong-input.ts";

let trial: InputTrial;
beforeAll(async () => {
  trial = await startInputTrial();
});
afterAll(() => trial?.end());

/** Wrong when creating and when editing alike; the last member is the attribute that the pointer names. */
const WRONG: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ["an empty name", { name: "" }, "name"],
  ["a name of 129 characters", { name: "n".repeat(129) }, "name"],
  ["a name with a control character", { name: "a\u0007b" }, "name"],
  ["a name that is a number", { name: 7 }, "name"],
  ["an expiry in the past", { expiresAt: "2020-01-01T00:00:00Z" }, "expiresAt"],
  ["an expiry that is no instant", { expiresAt: "tomorrow" }, "expiresAt"],
  ["an expiry on a day that does not exist", { expiresAt: "2027-02-30T00:00:00Z" }, "expiresAt"],
  ["a negative limit", { requestsPerMinute: -1 }, "requestsPerMinute"],
  ["a fractional limit", { tokensPerMinute: 1.5 }, "tokensPerMinute"],
  ["a limit that is a string", { maxConcurrency: "5" }, "maxConcurrency"],
  ["a negative budget", { budgetUsd: "-1" }, "budgetUsd"],
  ["a budget that is a number", { budgetUsd: 1 }, "budgetUsd"],
  ["a budget that is NaN", { budgetUsd: "NaN" }, "budgetUsd"],
  ["a budget above nine million", { budgetUsd: "9000001" }, "budgetUsd"],
  ["a budget with ten decimals", { budgetUsd: "0.0000000001" }, "budgetUsd"],
  ["a period that does not exist", { budgetUsd: "1", budgetPeriod: "yearly" }, "budgetPeriod"],
  ["thresholds that fall", { budgetUsd: "1", budgetAlertThresholds: [80, 50] }, "budgetAlertThresholds"],
  ["an empty list of models", { allowedModels: [] }, "allowedModels"],
  ["a wildcard in the middle", { allowedModels: ["a*b"] }, "allowedModels"],
  ["an empty list of providers", { allowedProviders: [] }, "allowedProviders"],
  ["an empty IP list", { ipAllowlist: [] }, "ipAllowlist"],
  ["a CIDR with host bits", { ipAllowlist: ["10.0.0.1/8"] }, "ipAllowlist"],
  ["an address that is none", { ipAllowlist: ["10.0.0.256"] }, "ipAllowlist"],
  ["all mapped IPv4 addresses", { ipAllowlist: ["::ffff:0:0/0"] }, "ipAllowlist"],
  ["metadata that is a list", { metadata: [] }, "metadata"],
  ["metadata beyond 16 KiB", { metadata: { a: "x".repeat(17_000) } }, "metadata"],
  ["a staleness below 30 s", { maxStalenessSeconds: 29 }, "maxStalenessSeconds"],
  ["a staleness beyond seven days", { maxStalenessSeconds: 604_801 }, "maxStalenessSeconds"],
  ["no gateways at all", { gatewayIds: [] }, "gatewayIds"],
  ["an MCP list mode without servers", { mcp: { enabled: true, mode: "allow-list" } }, "mcp"],
  ["an unknown attribute", { requestsPerMinutes: 5 }, "requestsPerMinutes"],
  ["an attribute that only answers have", { preview: "clv" }, "preview"],
];
const EXPECTED = "400 invalid_value|invalid_type|unknown_parameter";

describe.each(WRONG)("an API key with %s", (name, attributes, attribute) => {
  test("is not created", () =>
    trial.refuses([name, "POST {keys}", newKey(attributes), EXPECTED, at(attribute)]));
  test("is not made by an edit", () =>
    trial.refuses([name, "PATCH {key}", resource("api-key", attributes), EXPECTED, at(attribute)]));
});

describe.each([
  ["a gateway that is none", { gatewayIds: ["gw_000000000000"] }, "gatewayIds"],
  ["an owner who is nobody", { ownerId: "mem_000000000000" }, "ownerId"],
])("an API key with %s is a 404 as any foreign id", (name, attributes, attribute) => {
  test("when created", () =>
    trial.refuses([name, "POST {keys}", newKey(attributes), "404 not_found", at(attribute)]));
  test("when edited", () =>
    trial.refuses([name, "PATCH {key}", resource("api-key", attributes), "404 not_found", at(attribute)]));
});

test("control: right values of the same attributes are taken, and shown as they were given", async () => {
  const attributes = {
    name: "n".repeat(128),
    expiresAt: "2099-01-01T00:00:00.000Z",
    requestsPerMinute: 5,
    budgetUsd: "0.000000001",
    budgetPeriod: "weekly",
    budgetAlertThresholds: [50, 80, 100],
    allowedModels: ["sandbox/*"],
    ipAllowlist: ["10.0.0.0/8"],
    metadata: { team: "a" },
    maxStalenessSeconds: 30,
  };
  const answer = await trial.world.admin.call("POST", trial.path("{keys}"), newKey(attributes));
  expect(`${answer.status} ${answer.text}`).toMatch(/^201 /);
  expect(answer.json).toMatchObject({ data: { attributes } });
});
