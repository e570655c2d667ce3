import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { LedgerEntry } from "../sandbox-provider/ledger.ts";
import type { RecordedRequest } from "../sandbox-provider/recorder.ts";
import type { MadeKey } from "./support/admin.ts";
import { requestBytes, sendRaw } from "./support/raw-http.ts";
import { goodBody } from "./support/refused.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
let key: MadeKey;
beforeAll(async () => {
  world = await startWorld();
  key = await world.admin.createKey(world.projectId);
});
afterAll(() => world?.stack.stop());

const sandbox = async (path: string) => (await fetch(`${world.sandboxUrl}${path}`)).json();
const arrivals = async (sinceMs: number) =>
  ((await sandbox(`/__requests?since=${sinceMs}`)) as { requests: RecordedRequest[] }).requests;
const ledger = (sinceMs: number) => sandbox(`/__ledger?since=${sinceMs}`) as Promise<LedgerEntry[]>;

interface Stream {
  readonly response: IncomingMessage;
  text(): string;
  readonly ended: Promise<void>;
}

/** Opens a stream that would last a minute by itself, and answers after its first bytes. */
async function openStream(url: string, secret: string, chunks = 200, chunkMs = 300): Promise<Stream> {
  const outgoing = request(`${url}/v1/chat/completions`, {
    method: "POST",
    agent: false,
    headers: {
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
      "x-sandbox": JSON.stringify({ chunks, chunkMs }),
    },
  });
  outgoing.end(goodBody({ model: "sandbox/story", max_tokens: 400, stream: true }));
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  let text = "";
  response.on("data", (bytes: Buffer) => {
    text += bytes.toString("utf8");
  });
  const ended = new Promise<void>((resolve) => {
    response.once("close", resolve);
    response.once("error", () => resolve());
  });
  await once(response, "data");
  return { response, text: () => text, ended };
}

test("the provider gets the client's bytes with the model's bare name, and nothing of the client's identity", async () => {
  const sinceMs = Date.now();
  const body =
    '{ "model" : "sandbox/echo",\n "max_tokens":8, "temperature":0.10, "messages":[{"role":"user","content":"h\u00e9 \\u00e9"}] }';
  const headers = [
    ["Authorization", `Bearer ${key.secret}`],
    ["Content-Type", "application/json"],
    ["Cookie", "session=client"],
    ["X-Forwarded-For", "203.0.113.9"],
    ["X-Api-Key", key.secret],
    ["OpenAI-Organization", "org-of-the-client"],
  ] as const;
  const answer = await sendRaw(
    world.gateways[0]?.url ?? "",
    requestBytes("POST", "/v1/chat/completions", headers, body),
  );
  expect(`${answer.status} ${answer.body}`).toMatch(/^200 /);
  const [arrived, ...more] = await arrivals(sinceMs);
  expect(more).toEqual([]);
  expect(Buffer.from(arrived?.bodyBase64 ?? "", "base64").toString("utf8")).toBe(
    body.replace("sandbox/echo", "echo"),
  );
  const names = arrived?.headers.map(([name]) => name.toLowerCase()) ?? [];
  expect(names).toContain("authorization");
  for (const name of ["cookie", "x-forwarded-for", "x-api-key", "openai-organization"])
    expect(names).not.toContain(name);
  const text = JSON.stringify(arrived);
  for (const word of [key.secret, "session=client", "203.0.113.9", "org-of-the-client"])
    expect(text).not.toContain(word);
});

test("the request log's tokens are the provider's bill, streamed or not", async () => {
  const own = await world.admin.createKey(world.projectId);
  for (const [index, stream] of [false, true].entries()) {
    const sinceMs = Date.now();
    const answer = await fetch(`${world.gateways[index]?.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${own.secret}`, "content-type": "application/json" },
      body: goodBody({ model: "sandbox/story", max_tokens: 77, stream }),
    });
    expect(await answer.text()).not.toBe("");
    const requestId = answer.headers.get("x-request-id") ?? "";
    const [bill] = await ledger(sinceMs);
    expect(bill?.outputTokens).toBe(77);
    await vi.waitFor(
      async () => {
        const logs = await world.admin.call("GET", `/logs?filter[requestId]=${requestId}`);
        expect(`${logs.status} ${logs.text}`).toMatch(/^200 /);
        const [entry] = (logs.json as { data: { attributes: { tokens: Record<string, number> } }[] }).data;
        const { tokens } = entry?.attributes ?? { tokens: {} };
        expect((tokens.output ?? 0) + (tokens.reasoning ?? 0)).toBe(bill?.outputTokens);
        expect((tokens.input ?? 0) + (tokens.cacheRead ?? 0) + (tokens.cacheWrite ?? 0)).toBe(
          bill?.inputTokens,
        );
      },
      { timeout: 30_000 },
    );
  }
});

test("when an LLM key's credential is rejected the next one answers: two attempts in the log, one bill", async () => {
  const made = await world.admin.call("POST", "/projects", {
    data: { type: "project", attributes: { name: "Attempts" } },
  });
  const projectId = (made.json as { data: { id: string } }).data.id;
  for (const [name, secretKey] of [
    ["first", "bad-credential"],
    ["second", "good"],
  ]) {
    const attributes = { provider: "sandbox", name, secretKey };
    const body = { data: { type: "llm-api-key", attributes } };
    const answer = await world.admin.call("POST", `/projects/${projectId}/llm-api-keys`, body, {
      prefer: "wait=20",
    });
    expect(`${answer.status} ${answer.text}`).toMatch(/^201 /);
  }
  const own = await world.admin.createKey(projectId);
  const sinceMs = Date.now();
  const ask = (model: string) =>
    fetch(`${world.gateways[0]?.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${own.secret}`, "content-type": "application/json" },
      body: goodBody({ model }),
    });
  // By its name, an LLM key stands alone; by the provider's, both take turns.
  expect((await ask("first/echo")).status).toBe(502);
  const answers: (string | null)[] = [];
  for (let n = 0; n < 2; n++) {
    const answer = await ask("sandbox/echo");
    expect(`${answer.status} ${await answer.text()}`).toMatch(/^200 /);
    answers.push(answer.headers.get("x-request-id"));
  }
  expect(await ledger(sinceMs)).toHaveLength(2);
  const rowsOf = async (requestId: string | null) => {
    const logs = await world.admin.call("GET", `/logs?filter[requestId]=${requestId}`);
    const { data } = logs.json as {
      data: { attributes: { attempt?: number; code: string | null; attempts?: object[] } }[];
    };
    return data.map(({ attributes }) => attributes);
  };
  // One of the two began with the first LLM key; after its rejection that one rests.
  await vi.waitFor(
    async () => {
      const rows = (await Promise.all(answers.map(rowsOf))).flat();
      expect(rows.map(({ code, attempt }) => `${attempt ?? 1} ${code}`).sort()).toEqual([
        "1 null",
        "1 provider_auth_failed",
        "2 null",
      ]);
      const last = rows.find(({ attempt }) => attempt === 2);
      expect(last?.attempts).toMatchObject([{ provider: "sandbox", code: "provider_auth_failed" }]);
    },
    { timeout: 30_000 },
  );
});

test("a client that leaves is felt by the provider, which stops in the middle of its answer", async () => {
  const sinceMs = Date.now();
  const { response } = await openStream(world.gateways[0]?.url ?? "", key.secret);
  response.destroy();
  await vi.waitFor(
    async () => {
      const [bill] = await ledger(sinceMs);
      expect(bill?.aborted).toBe(true);
    },
    { timeout: 30_000 },
  );
});

test("a revoke aborts the streams of the key on every gateway, with an error event, and the provider stops billing (I24)", async () => {
  const own = await world.admin.createKey(world.projectId);
  const sinceMs = Date.now();
  const streams = await Promise.all(world.gateways.map(({ url }) => openStream(url, own.secret)));
  const change = await world.admin.change("POST", `/api-keys/${own.id}/revoke`, {}, { prefer: "wait=10" });
  expect(change.operation.status).toBe("confirmed");
  await Promise.all(streams.map(({ ended }) => ended));
  for (const stream of streams) {
    expect(stream.text()).toContain('"code":"key_revoked"');
    expect(stream.text()).not.toContain("[DONE]");
  }
  await vi.waitFor(
    async () => {
      const bills = await ledger(sinceMs);
      expect(bills.map((bill) => bill.aborted)).toEqual([true, true]);
      for (const bill of bills) expect(bill.outputTokens).toBeLessThan(400);
    },
    { timeout: 30_000 },
  );
});

test("with inflight: drain the streams of a revoked key run to their end", async () => {
  const own = await world.admin.createKey(world.projectId);
  const stream = await openStream(world.gateways[0]?.url ?? "", own.secret, 40, 50);
  const change = await world.admin.change(
    "POST",
    `/api-keys/${own.id}/revoke`,
    { inflight: "drain" },
    { prefer: "wait=10" },
  );
  expect(change.operation.status).toBe("confirmed");
  await stream.ended;
  expect(stream.text()).toContain("[DONE]");
});
