/** A hard budget from the API to the provider: what it says, what it refuses, and what a killed gateway leaves behind. */
import { routes } from "@claviger/gateway/forward/routes";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { LedgerEntry } from "../sandbox-provider/ledger.ts";
import { kill } from "./proofs/blackout.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
let url: string;
let sql: postgres.Sql;
beforeAll(async () => {
  world = await startWorld({ gateways: { "eu-1": 1 } });
  url = world.gateways[0]?.url ?? "";
  sql = postgres(world.stack.urls.postgres, { max: 1 });
});
afterAll(async () => {
  await sql?.end();
  await world?.stack.stop();
});

const WAIT = { timeout: 60_000, interval: 50 };
const budgeted = (budgetUsd: string | null) =>
  world.admin.createKey(world.projectId, {
    budgetUsd,
    ...(budgetUsd === null ? {} : { budgetPeriod: "total" }),
  });
const ledger = async (sinceMs: number) =>
  (await (await fetch(`${world.sandboxUrl}/__ledger?since=${sinceMs}`)).json()) as LedgerEntry[];

async function ask(secret: string, body: object = {}, steering: object = {}) {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
      "x-sandbox": JSON.stringify(steering),
    },
    body: JSON.stringify({ model: "sandbox/echo", messages: [{ role: "user", content: "hello" }], ...body }),
  });
  const text = await answer.text();
  const code = answer.status === 200 ? null : (JSON.parse(text) as { error: { code: string } }).error.code;
  return { status: answer.status, code, headers: answer.headers };
}

/** What the control plane's ledger and the key say of it, once both have everything that the provider has billed. */
async function rowsOf(keyId: string) {
  const rows = await sql<{ cost: string; basis: string }[]>`
    select coalesce(cost_n, 0)::text as cost, event->>'basis' as basis from usage_event
    where key_id = ${keyId} and kind = 'settled'`;
  const { json } = await world.admin.call("GET", `/api-keys/${keyId}`);
  const { spentUsd } = (json as { data: { attributes: { spentUsd: string } } }).data.attributes;
  const spent = rows.reduce((sum, { cost }) => sum + BigInt(cost), 0n);
  return {
    spent,
    basis: rows.map(({ basis }) => basis).sort(),
    shown: BigInt(Math.round(Number(spentUsd) * 1e9)),
  };
}

test("no cap, a cap of nothing and a cap of a millionth of a dollar each mean what they say", async () => {
  const outcomes = [];
  const sinceMs = Date.now();
  for (const cap of [null, "0", "0.000001"]) {
    const { status, code } = await ask((await budgeted(cap)).secret, { max_tokens: 8 });
    outcomes.push([cap, status, code]);
  }
  expect(outcomes).toEqual([
    [null, 200, null],
    ["0", 402, "request_exceeds_budget"],
    ["0.000001", 402, "request_exceeds_budget"],
  ]);
  expect(await ledger(sinceMs)).toHaveLength(1);
});

test("with little left, a short prompt without an output limit is served within it, and the caller is told the limit", async () => {
  // What the default limit would cost is four times as much.
  const { secret } = await budgeted("0.002");
  const { status, headers } = await ask(secret);
  expect([status, headers.get("x-claviger-max-tokens")]).toEqual([200, "256"]);
});

test("a stream asks for the usage that settles it, and its caller sees nothing of that", async () => {
  const { id, secret } = await budgeted("0.01");
  expect((await ask(secret, { stream: true, max_tokens: 50 })).status).toBe(200);
  await vi.waitFor(async () => expect((await rowsOf(id)).basis).toEqual(["provider"]), WAIT);
});

test("fifty small requests at once are all served by a budget that holds only a part of their worst cases", async () => {
  const { secret } = await budgeted("0.05");
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(secret, { max_tokens: 1_000 })));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});

test("a budget is spent to the last request that fits, and the ledger says what the provider bills", async () => {
  const sinceMs = Date.now();
  const { id, secret } = await budgeted("0.002");
  const answers = [];
  for (let n = 0; n < 20; n++) {
    answers.push(await ask(secret, { model: "sandbox/story", max_tokens: 100 }, { outputTokens: 100 }));
  }
  const served = answers.filter(({ status }) => status === 200).length;
  expect(served).toBeGreaterThan(4);
  expect(answers.slice(served).map(({ status, code }) => `${status} ${code}`)).toEqual(
    Array.from({ length: 20 - served }, () => "402 budget_exceeded"),
  );
  const billed = (await ledger(sinceMs)).reduce((sum, { nanos }) => sum + BigInt(nanos), 0n);
  expect(billed).toBeLessThanOrEqual(2_000_000n);
  await vi.waitFor(async () => {
    const { spent, shown } = await rowsOf(id);
    expect([spent, shown]).toEqual([billed, billed]);
  }, WAIT);
});

test("a budget of which nothing is left refuses on every route, and nothing reaches the provider", async () => {
  const sinceMs = Date.now();
  const { secret } = await budgeted("0");
  for (const route of routes) {
    if (route.kind !== "forward") continue;
    const answer = await fetch(`${url}${route.path.replace("{model}", "sandbox%2Fecho")}`, {
      method: "POST",
      ...bodyFor(route.model, secret),
    });
    const text = await answer.text();
    expect([route.path, answer.status, text]).toEqual([
      route.path,
      expect.toSatisfy((status: number) => status === 402 || status === 400),
      expect.stringMatching(/whole budget|no upper bound|does not serve this address/),
    ]);
  }
  expect(await ledger(sinceMs)).toEqual([]);
});

function bodyFor(kind: "body" | "path" | "multipart", secret: string): RequestInit {
  const authorization = `Bearer ${secret}`;
  if (kind === "multipart") {
    const form = new FormData();
    form.set("model", "sandbox/echo");
    form.set("file", new Blob(["x"]), "a.wav");
    return { body: form, headers: { authorization } };
  }
  const messages = [{ role: "user", content: "hello" }];
  const words = { prompt: "hello", input: "hello", max_tokens: 8, max_output_tokens: 8 };
  const body =
    kind === "path"
      ? { contents: [{ role: "user", parts: [{ text: "hello" }] }] }
      : { model: "sandbox/echo", messages, ...words };
  return { body: JSON.stringify(body), headers: { authorization, "content-type": "application/json" } };
}

test("a request that is cut by the gateway's death is charged in full by the next process, once", async () => {
  const { id, secret } = await budgeted("0.01");
  const cut = ask(secret, { max_tokens: 100 }, { latencyMs: 30_000 }).catch(() => "cut");
  await vi.waitFor(async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^claviger_requests_inflight 1$/m);
  }, WAIT);
  await kill(world, "gateway-eu-1");
  expect(await cut).toBe("cut");
  await vi.waitFor(async () => expect((await rowsOf(id)).basis).toEqual(["crash"]), WAIT);
  const { spent, shown } = await rowsOf(id);
  expect(shown).toBe(spent);
  // Its input of some hundred bytes and a hundred tokens of output.
  expect(spent).toBeGreaterThan(200_000n);
  expect(spent).toBeLessThan(1_000_000n);
  await vi.waitFor(async () => expect((await ask(secret, { max_tokens: 8 })).status).toBe(200), WAIT);
});

test("without the control plane what is held here is spent, and what is not is refused as a share that cannot be had", async () => {
  const held = await budgeted("1");
  const fresh = await budgeted("1");
  expect((await ask(held.secret, { max_tokens: 8 })).status).toBe(200);
  await vi.waitFor(async () => {
    const [row] = await sql<{ open: string }[]>`
      select open_n::text as open from budget_period where limit_n = 1000000000 order by open_n desc limit 1`;
    expect(BigInt(row?.open ?? 0)).toBeGreaterThan(1_000_000n);
  }, WAIT);
  await world.stack.child("control-plane").stop();
  try {
    for (let n = 0; n < 5; n++) expect((await ask(held.secret, { max_tokens: 8 })).status).toBe(200);
    const refused = await ask(fresh.secret, { max_tokens: 8 });
    expect([refused.status, refused.code, refused.headers.get("retry-after")]).toEqual([
      503,
      "budget_unavailable",
      "5",
    ]);
  } finally {
    await world.stack.child("control-plane").start();
  }
});
