import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { providers, targetOf } from "../../forward/providers.ts";
import { type ForwardRoute, pathsThatWork, routes } from "../../forward/routes.ts";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

let behave: (outgoing: ServerResponse) => void;
let provider: Provider;
let gateway: TestGateway;
let secret: string;

const MODELS = ["echo", "story", "embed"];
const llm = (id: string, name: string, models: string[]) =>
  gateway.table.providers.set(id, {
    ...{ id, projectId: "prj_000000000001", provider: name, name, baseUrl: provider.url, models },
    secretVersion: 1,
  });

beforeAll(async () => {
  provider = await startProvider((_incoming, outgoing) => behave(outgoing));
  gateway = await startGateway(provider);
  llm("llm_000000000001", "sandbox", MODELS);
  llm("llm_000000000002", "anthropic", ["claude"]);
  llm("llm_000000000003", "gemini", ["flash"]);
  llm("llm_000000000004", "azure-openai", ["gpt"]);
  secret = gateway.table.addKey().secret;
});
afterAll(async () => {
  await gateway.stop();
  await provider.stop();
});

const json = (value: string) => (outgoing: ServerResponse) => {
  outgoing.writeHead(200, { "content-type": "application/json" });
  outgoing.end(value);
};

const BOUNDARY = "----claviger";
function form(fields: readonly (readonly [head: string, value: string])[]): Buffer {
  const parts = fields.map(([head, value]) => `--${BOUNDARY}\r\n${head}\r\n\r\n${value}\r\n`);
  return Buffer.from(`${parts.join("")}--${BOUNDARY}--\r\n`);
}
const field = (name: string, value: string) =>
  [`Content-Disposition: form-data; name="${name}"`, value] as const;
const file = (name: string, value: string) =>
  [
    `Content-Disposition: form-data; name="${name}"; filename="å.wav"\r\nContent-Type: audio/wav`,
    value,
  ] as const;
const FORM = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };

const forwards = routes.filter((route) => route.kind === "forward");

function bodyOf(route: ForwardRoute): { body: string | Buffer; headers: Record<string, string> } {
  if (route.model !== "multipart") return { body: '{"model":"sandbox/echo"}', headers: {} };
  return { body: form([field("model", "sandbox/echo"), file("file", "x")]), headers: FORM };
}

test("no row of the table reaches a provider without an admitted principal, and each does with one", async () => {
  behave = json("{}");
  const dead = gateway.table.addKey({ status: "revoked" });
  const narrow = gateway.table.addKey({ allowedModels: ["sandbox/story"] });
  for (const route of forwards) {
    // Gemini's bodies need no model, and one that they name would have to be that of the path.
    const { body, headers } = route.model === "path" ? { body: "{}", headers: {} } : bodyOf(route);
    const ask = (key: string, more: Record<string, string> = headers) =>
      call(gateway.url + route.path.replace("{model}", "sandbox/echo"), {
        headers: jsonHeaders(key, more),
        body,
      });
    const before = provider.seen.length;
    const settled = gateway.ledger.settlements.length;
    for (const key of ["", "sk-of-nobody", dead.secret]) expect((await ask(key)).status).toBe(401);
    expect((await ask(narrow.secret)).headers["x-claviger-code"]).toBe("model_not_allowed");
    const wrong = await ask(secret, route.model === "multipart" ? {} : FORM);
    expect([route.path, wrong.status]).toEqual([route.path, 415]);
    expect([route.path, provider.seen.length]).toEqual([route.path, before]);
    const answer = await ask(secret);
    expect([route.path, answer.status, answer.body]).toEqual([route.path, 200, "{}"]);
    await gateway.ledger.settledCount(settled + 1);
    expect(gateway.ledger.settlements.at(-1)?.facts).toMatchObject({
      surface: route.surface,
      path: route.path,
    });
    const seen = provider.seen.at(-1);
    expect(seen?.headers.authorization).toBe("Bearer sk-provider-secret");
    expect(JSON.stringify(seen)).not.toContain("clv_live_");
    expect(seen?.path).toBe(route.path.replace("{model}", "echo"));
    if (route.model !== "path") expect(seen?.body).toBe(String(body).replace("sandbox/echo", "echo"));
  }
  // Whatever a provider speaks has a row, so that this walk passes over nothing.
  const spoken = Object.values(providers).flatMap(({ paths }) => Object.keys(paths));
  expect(new Set(forwards.map(({ surface }) => surface))).toEqual(new Set(spoken));
});

test("a surface that the provider does not speak is a 400 that names those that would work", async () => {
  const ask = async (path: string, body: string) => {
    const answer = await call(gateway.url + path, { headers: jsonHeaders(secret), body });
    return [answer.status, answer.headers["x-claviger-code"], JSON.parse(answer.body).error.message];
  };
  const before = provider.seen.length;
  const message = (names: string) =>
    `The provider of this model does not serve this address. Those that work with it: ${names}.`;
  expect(await ask("/v1/messages", '{"model":"gpt","max_tokens":1}')).toEqual([
    ...[400, "unsupported_surface", message("/v1/chat/completions, /v1/completions")],
  ]);
  expect(await ask("/v1/responses", '{"model":"claude"}')).toEqual([
    ...[400, "unsupported_surface", message("/v1/chat/completions, /v1/messages")],
  ]);
  expect(await ask("/v1beta/models/claude:embedContent", "{}")).toEqual([
    400,
    "unsupported_surface",
    message("/v1/chat/completions, /v1/messages, /v1/messages/count_tokens"),
  ]);
  expect(provider.seen.length).toBe(before);
  expect(pathsThatWork(() => false, "text")).toEqual([]);
});

test("each provider is spoken to at its own address with its own credential", async () => {
  behave = json("{}");
  const ask = async (path: string, body: string) => {
    await call(gateway.url + path, {
      headers: { "x-goog-api-key": secret, "content-type": "application/json" },
      body,
    });
    const seen = provider.seen.at(-1);
    const named = ["authorization", "x-api-key", "x-goog-api-key", "api-key"] as const;
    return [seen?.path, named.filter((name) => seen?.headers[name]?.includes("sk-provider-secret")).join()];
  };
  expect(await ask("/v1/messages", '{"model":"claude"}')).toEqual(["/v1/messages", "x-api-key"]);
  expect(await ask("/v1/chat/completions", '{"model":"claude"}')).toEqual([
    ...["/v1/chat/completions", "authorization"],
  ]);
  expect(await ask("/v1beta/models/flash:generateContent?key=AIza-stolen", "{}")).toEqual([
    ...["/v1beta/models/flash:generateContent", "x-goog-api-key"],
  ]);
  expect(await ask("/v1/models/flash:streamGenerateContent?key=x&alt=sse", "{}")).toEqual([
    ...["/v1/models/flash:streamGenerateContent?alt=sse", "x-goog-api-key"],
  ]);
  expect(await ask("/v1/embeddings", '{"model":"flash"}')).toEqual([
    "/v1beta/openai/embeddings",
    "authorization",
  ]);
  expect(await ask("/v1/chat/completions", '{"model":"gpt"}')).toEqual([
    ...["/openai/deployments/gpt/chat/completions?api-version=2024-10-21", "api-key"],
  ]);
  const azure = providers["azure-openai"];
  const at = (base: string) => azure && targetOf(azure, "responses", base)?.path;
  expect([at("https://x"), at("https://x/openai/v1")]).toEqual([undefined, "/openai/v1/responses"]);
});

test("a key in the query is no credential, and another form of an answer than JSON or events is refused", async () => {
  const ask = (query: string, headers: Record<string, string>) =>
    call(`${gateway.url}/v1beta/models/echo:streamGenerateContent${query}`, {
      headers: { "content-type": "application/json", ...headers },
      body: "{}",
    });
  const before = provider.seen.length;
  const nobody = await ask(`?key=${secret}`, {});
  expect([nobody.status, JSON.parse(nobody.body).error.status]).toEqual([401, "UNAUTHENTICATED"]);
  expect(nobody.body).not.toContain(secret);
  for (const query of ["?alt=proto", "?alt=sse&alt=json"]) {
    const answer = await ask(query, { "x-goog-api-key": secret });
    expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([400, "invalid_value"]);
  }
  expect(provider.seen.length).toBe(before);
});

test("a stream of Gemini's passes in either form, event for event, and is metered and noted as a stream", async () => {
  const tell = (n: number) =>
    `{"candidates": [{"content": {"parts": [{"text": "鍵"}]}${n === 6 ? ', "finishReason": "STOP"' : ""}}],\n "usageMetadata": {"promptTokenCount": 8,"candidatesTokenCount": ${n}}}`;
  const sse = [1, 6].map((n) => `data: ${tell(n).replace("\n", "")}\r\n\r\n`).join("");
  const list = `[${tell(1)}\n,\r\n${tell(6)}]`;
  for (const [query, type, text] of [
    ["?alt=sse", "text/event-stream", sse],
    ["", "application/json; charset=UTF-8", list],
    ["?alt=json", "application/json", list],
  ] as const) {
    behave = (outgoing) => {
      outgoing.writeHead(200, { "content-type": type });
      for (const part of text.match(/.{1,9}/gs) ?? []) outgoing.write(part);
      outgoing.end();
    };
    const settled = gateway.ledger.settlements.length;
    const path = `/v1beta/models/echo:streamGenerateContent${query}`;
    const answer = await call(gateway.url + path, { headers: jsonHeaders(secret), body: "{}" });
    expect([answer.headers["content-type"], answer.body]).toEqual([type, text]);
    await gateway.ledger.settledCount(settled + 1);
    expect(gateway.ledger.settlements.at(-1)).toMatchObject({
      ...{ basis: "provider", streamed: true, tokens: { input: 8, output: 6 } },
    });
  }
});

test("Gemini's bodies say the model of the path or are refused, and are told the provider's name", async () => {
  behave = json("{}");
  const ask = async (path: string, body: string) => {
    const before = provider.seen.length;
    const answer = await call(gateway.url + path, { headers: jsonHeaders(secret), body });
    const seen = provider.seen.length > before ? provider.seen.at(-1)?.body : undefined;
    return [answer.headers["x-claviger-code"], seen];
  };
  const batch = "/v1beta/models/sandbox/embed:batchEmbedContents";
  const requests = (a: string, b: string) =>
    `{ "requests" : [{"model":"${a}","x":[1,2]} , {"a":{},"model":"${b}"}]}`;
  expect(await ask(batch, requests("models/sandbox/embed", "sandbox/embed"))).toEqual([
    undefined,
    requests("models/embed", "models/embed"),
  ]);
  expect(await ask(batch, requests("models/sandbox/embed", "models/echo"))).toEqual([
    "invalid_value",
    undefined,
  ]);
  expect(await ask(batch, '{"model":"models/echo"}')).toEqual(["invalid_value", undefined]);
  const count = "/v1beta/models/sandbox%2Fecho:countTokens";
  expect(await ask(count, '{"generateContentRequest":{"model":"models/sandbox/echo"}}')).toEqual([
    undefined,
    '{"generateContentRequest":{"model":"models/echo"}}',
  ]);
  expect(await ask(count, '{"generateContentRequest":{"model":"models/story"}}')).toEqual([
    "invalid_value",
    undefined,
  ]);
  expect(await ask("/v1beta/models/:countTokens", "{}")).toEqual(["method_not_allowed", undefined]);
  expect(await ask("/v1beta/models/%:countTokens", "{}")).toEqual(["missing_required_parameter", undefined]);
});

test("sound passes byte for byte and is charged by its words; text and JSON of a transcript too, but no page", async () => {
  const sound = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
  const ask = async (path: string, body: string | Buffer, headers: Record<string, string> = {}) => {
    const answer = await fetch(gateway.url + path, {
      method: "POST",
      headers: jsonHeaders(secret, headers),
      body: typeof body === "string" ? body : new Uint8Array(body),
    });
    return {
      status: answer.status,
      type: answer.headers.get("content-type"),
      bytes: Buffer.from(await answer.arrayBuffer()),
    };
  };
  behave = (outgoing) => {
    outgoing.writeHead(200, { "content-type": "audio/mpeg", "content-length": String(sound.length) });
    outgoing.end(sound);
  };
  const before = gateway.ledger.settlements.length;
  const spoken = await ask("/v1/audio/speech", '{"model":"echo","input":"four words of speech"}');
  expect([spoken.status, spoken.type, spoken.bytes.equals(sound)]).toEqual([200, "audio/mpeg", true]);
  await gateway.ledger.settledCount(before + 1);
  expect(gateway.ledger.settlements.at(-1)).toMatchObject({
    basis: "bounded",
    tokens: { input: 12, output: 0 },
  });
  const asked = form([field("model", "echo"), file("file", "x".repeat(40_000))]);
  behave = (outgoing) => outgoing.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("鍵\n");
  expect((await ask("/v1/audio/transcriptions", asked, FORM)).bytes.toString()).toBe("鍵\n");
  await gateway.ledger.settledCount(before + 2);
  expect(gateway.ledger.settlements.at(-1)).toMatchObject({ basis: "bounded", tokens: { input: 1 } });
  expect((await ask("/v1/chat/completions", '{"model":"echo"}')).status).toBe(502);
});

test("models are listed and shown in Gemini's shape to whoever asks as Google's clients do", async () => {
  const ask = async (path: string, headers: Record<string, string>) =>
    JSON.parse((await call(gateway.url + path, { method: "GET", headers })).body);
  const google = { "x-goog-api-key": secret };
  for (const path of ["/v1/models", "/v1beta/models"]) {
    const { models } = await ask(path, google);
    expect(models).toContainEqual({
      ...{ name: "models/gemini/flash", baseModelId: "gemini/flash", displayName: "gemini/flash" },
      supportedGenerationMethods: [
        ...["generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents", "countTokens"],
      ],
    });
  }
  expect(await ask("/v1beta/models/sandbox/echo", google)).toMatchObject({ name: "models/sandbox/echo" });
  expect(await ask("/v1/models", jsonHeaders(secret))).toMatchObject({ object: "list" });
});
