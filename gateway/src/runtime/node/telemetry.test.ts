import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ConfigError } from "../../config-error.ts";
import { readConfig } from "./config.ts";
import { namedTraces, postText } from "./telemetry.ts";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

interface OtlpValue {
  stringValue?: string;
  intValue?: string;
  boolValue?: boolean;
  doubleValue?: number;
}
interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: OtlpValue }[];
  status?: { code: number; message: string };
}

/** A collector: OTLP/HTTP as the specification has it, on a real port. */
async function startCollector() {
  const spans: OtlpSpan[] = [];
  const requests: { url: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      requests.push({ url: incoming.url, headers: incoming.headers, body });
      for (const { scopeSpans } of JSON.parse(body).resourceSpans) {
        for (const { spans: each } of scopeSpans) spans.push(...each);
      }
      outgoing.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, spans, requests, url: `http://127.0.0.1:${port}` };
}

const ENV = {
  CLAVIGER_CONTROL_PLANE_URL: "http://127.0.0.1:1",
  CLAVIGER_GATEWAY_HOME: "/nowhere",
  CLAVIGER_GATEWAY_MASTER_KEY: Buffer.alloc(32).toString("base64"),
};

/** As an operator sets it, gathered for a moment only. */
function tracesTo(url: string, more: Record<string, string> = {}) {
  const { traces } = readConfig({ ...ENV, OTEL_EXPORTER_OTLP_ENDPOINT: url, ...more });
  const named = namedTraces(traces, "test-1", "rep_000000000001");
  if (named === undefined) throw new Error("tracing is off");
  return { ...named, exporting: { ...named.exporting, delayMs: 10 } };
}

let collector: Awaited<ReturnType<typeof startCollector>>;
let provider: Provider;
let gateway: TestGateway;
/** Requests that are answered only the second time. */
let flaky = 0;

beforeAll(async () => {
  collector = await startCollector();
  provider = await startProvider((_incoming, outgoing, body) => {
    const fails = body.includes("break") || (body.includes("flaky") && flaky++ === 0);
    if (fails) return void outgoing.writeHead(500).end("{}");
    outgoing.writeHead(200, { "content-type": "application/json" });
    const usage = { prompt_tokens: 12, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 4 } };
    outgoing.end(JSON.stringify({ id: "a", choices: [{ message: { content: "the answer" } }], usage }));
  });
  const traces = tracesTo(collector.url, {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20collector",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
  });
  gateway = await startGateway(provider, { traces }, { post: postText });
});
afterAll(async () => {
  await gateway?.stop();
  await gateway?.gateway.close();
  await provider?.stop();
  collector?.server.close();
});
beforeEach(() => {
  collector.spans.length = 0;
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";

function ask(secret: string, prompt = "the prompt", headers: Record<string, string> = {}) {
  const messages = [{ role: "user", content: prompt }];
  return call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(secret, headers),
    body: JSON.stringify({ model: "sandbox/echo", messages }),
  });
}

const attributesOf = (span: OtlpSpan | undefined) =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));

/** The spans of one request, which arrive together. */
async function spansOf(n: number): Promise<{ server: OtlpSpan; attempts: OtlpSpan[] }> {
  await expect.poll(() => collector.spans.length, { timeout: 30_000 }).toBe(n);
  const server = collector.spans.find(({ kind }) => kind === 2);
  if (server === undefined) throw new Error("the request has no span");
  return { server, attempts: collector.spans.filter(({ kind }) => kind === 3) };
}

test("a request is a SERVER span in the caller's trace, its attempt a CLIENT span below it by the GenAI conventions", async () => {
  const { secret, record } = gateway.table.addKey();
  const answer = await ask(secret, "the prompt", { traceparent: `00-${TRACE}-${CALLER}-01` });
  expect(answer.status).toBe(200);
  const { server, attempts } = await spansOf(2);
  const [attempt] = attempts;
  expect(server).toMatchObject({ traceId: TRACE, parentSpanId: CALLER, name: "POST /v1/chat/completions" });
  expect(attempt).toMatchObject({ traceId: TRACE, parentSpanId: server.spanId, name: "chat echo" });
  expect(attributesOf(server)).toMatchObject({
    ...{ "http.request.method": "POST", "http.route": "/v1/chat/completions" },
    ...{ "http.response.status_code": "200", "claviger.decision": "admitted", "claviger.attempts": "1" },
    ...{ "claviger.request.id": answer.headers["x-request-id"], "claviger.key.id": record.id },
  });
  expect(attributesOf(attempt)).toMatchObject({
    ...{ "gen_ai.operation.name": "chat", "gen_ai.provider.name": "sandbox", "gen_ai.request.model": "echo" },
    ...{ "gen_ai.usage.input_tokens": "12", "gen_ai.usage.output_tokens": "3" },
    "gen_ai.usage.cache_read.input_tokens": "4",
  });
  const at = (span: OtlpSpan | undefined) => [
    BigInt(span?.startTimeUnixNano ?? 0),
    BigInt(span?.endTimeUnixNano ?? 0),
  ];
  expect(at(server)[0]).toBeLessThanOrEqual(at(attempt)[0] as bigint);
  expect(at(server)[1]).toBeGreaterThanOrEqual(at(attempt)[1] as bigint);
  const last = collector.requests.at(-1);
  expect(last?.url).toBe("/v1/traces");
  expect(last?.headers).toMatchObject({
    ...{ "content-type": "application/json", authorization: "Bearer collector" },
  });
  const resource = JSON.parse(last?.body ?? "").resourceSpans[0].resource.attributes;
  expect(
    Object.fromEntries(resource.map((each: OtlpSpan["attributes"][0]) => [each.key, each.value.stringValue])),
  ).toEqual({
    ...{ "service.name": "claviger-gateway", "service.version": "0.1.0" },
    ...{ "service.instance.id": "rep_000000000001", "claviger.gateway.name": "test-1" },
    "deployment.environment.name": "test",
  });
});

test("neither prompt nor answer nor key nor a provider's secret nor an address leaves in a span", async () => {
  const { secret } = gateway.table.addKey();
  await ask(secret);
  await ask(secret, "break");
  await ask("clv_live_nothing");
  await expect
    .poll(() => collector.spans.filter(({ kind }) => kind === 2).length, { timeout: 30_000 })
    .toBe(3);
  const all = collector.requests.map(({ body }) => body).join("\n");
  for (const word of ["the prompt", "the answer", secret, "sk-provider-secret", "127.0.0.1"]) {
    expect(all).not.toContain(word);
  }
});

test("a refusal is a span without an attempt, and its own trace where the caller has none", async () => {
  const { secret } = gateway.table.addKey({ status: "inactive" });
  await ask(secret);
  const { server } = await spansOf(1);
  expect(server.parentSpanId).toBeUndefined();
  expect(server.traceId).toMatch(/^[0-9a-f]{32}$/);
  // The fault is the caller's: an error by type, not by status.
  expect(server.status).toBeUndefined();
  expect(attributesOf(server)).toMatchObject({
    ...{ "error.type": "key_inactive", "http.response.status_code": "401", "claviger.decision": "refused" },
  });
});

test("what the provider fails with is the attempt's error and the request's", async () => {
  await ask(gateway.table.addKey().secret, "break");
  const { server, attempts } = await spansOf(2);
  expect(server.status).toEqual({ code: 2, message: "provider_error" });
  expect(attempts[0]?.status).toEqual({ code: 2, message: "provider_error" });
});

test("a provider whose row says so goes on in the attempt's context, and never in the caller's own", async () => {
  await ask(gateway.table.addKey().secret, "the prompt", { traceparent: `00-${TRACE}-${CALLER}-01` });
  const { attempts } = await spansOf(2);
  expect(provider.seen.at(-1)?.headers.traceparent).toBe(`00-${TRACE}-${attempts[0]?.spanId}-01`);
  const untraced = await startGateway(provider);
  try {
    await call(`${untraced.url}/v1/chat/completions`, {
      headers: jsonHeaders(untraced.table.addKey().secret, { traceparent: `00-${TRACE}-${CALLER}-01` }),
      body: JSON.stringify({ model: "echo", messages: [] }),
    });
    expect(provider.seen.at(-1)?.headers.traceparent).toBeUndefined();
  } finally {
    await untraced.stop();
  }
});

test("a retry is an attempt of its own in one request's trace, which ends well where it does", async () => {
  const traces = tracesTo(collector.url);
  const two = await startGateway(provider, { traces }, { post: postText });
  const first = two.table.providers.get("llm_000000000001");
  if (first === undefined) throw new Error("the rig has no provider");
  two.table.providers.set("llm_000000000002", { ...first, id: "llm_000000000002", name: "second" });
  try {
    const messages = [{ role: "user", content: "flaky" }];
    const answer = await call(`${two.url}/v1/chat/completions`, {
      headers: jsonHeaders(two.table.addKey().secret),
      body: JSON.stringify({ model: "sandbox/echo", messages }),
    });
    expect(answer.status).toBe(200);
    const { server, attempts } = await spansOf(3);
    expect(attempts.map((span) => [attributesOf(span)["claviger.attempt"], span.status?.message])).toEqual([
      ["1", "provider_error"],
      ["2", undefined],
    ]);
    expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual([server.spanId, server.spanId]);
    expect(server.status).toBeUndefined();
    expect(attributesOf(server)).toMatchObject({
      "http.response.status_code": "200",
      "claviger.attempts": "2",
    });
  } finally {
    await two.stop();
  }
});

test("a caller that does not record its trace is not recorded here", async () => {
  const { secret } = gateway.table.addKey();
  await ask(secret, "unrecorded", { traceparent: `00-${TRACE}-${CALLER}-00` });
  await ask(secret, "recorded", { traceparent: `00-${"9".repeat(32)}-${CALLER}-01` });
  const { server } = await spansOf(2);
  expect(server.traceId).toBe("9".repeat(32));
});

test("a dead collector changes nothing for callers, and the page says what was dropped", async () => {
  const traces = tracesTo("http://127.0.0.1:9");
  const small = { ...traces, exporting: { ...traces.exporting, waitingMax: 3, batchMax: 3 } };
  const alone = await startGateway(provider, { traces: small }, { post: postText });
  try {
    const { secret } = alone.table.addKey();
    const ask = () =>
      call(`${alone.url}/v1/chat/completions`, {
        headers: jsonHeaders(secret),
        body: JSON.stringify({ model: "echo", messages: [] }),
      });
    for (let n = 0; n < 10; n++) expect((await ask()).status).toBe(200);
    const page = await call(`${alone.url}/metrics`, { method: "GET" });
    expect(page.body).toMatch(/claviger_spans_dropped_total\{reason="queue_full"\} [1-9]/);
  } finally {
    await alone.stop();
  }
});

test("tracing is off without an endpoint, and by OpenTelemetry's own switches; what is malformed is named", () => {
  expect(readConfig(ENV).traces).toBeUndefined();
  const to = { ...ENV, OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };
  expect(readConfig(to).traces?.exporting.url).toBe("http://collector:4318/v1/traces");
  expect(readConfig({ ...to, OTEL_SDK_DISABLED: "true" }).traces).toBeUndefined();
  expect(readConfig({ ...to, OTEL_TRACES_EXPORTER: "none" }).traces).toBeUndefined();
  const own = { ...to, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example/in" };
  expect(readConfig(own).traces?.exporting.url).toBe("https://traces.example/in");
  const refused = (more: Record<string, string>) => {
    try {
      readConfig({ ...to, ...more });
    } catch (error) {
      return (error as ConfigError).message;
    }
  };
  expect(refused({ OTEL_EXPORTER_OTLP_ENDPOINT: "collector" })).toMatch(
    /^OTEL_EXPORTER_OTLP_ENDPOINT is malf/,
  );
  expect(refused({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" })).toMatch(/must be http\/json/);
  expect(refused({ OTEL_EXPORTER_OTLP_HEADERS: "nothing" })).toMatch(/name=value/);
  expect(refused({ OTEL_TRACES_SAMPLER: "jaeger" })).toMatch(/must be a sampler/);
});
