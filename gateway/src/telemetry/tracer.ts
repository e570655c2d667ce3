/**
 * Traces of requests by OpenTelemetry's conventions: one SERVER span for the request, one CLIENT span for each attempt with
 * a provider (GenAI semantic conventions). The bargain: names, numbers and codes only; never a prompt, an answer, a key,
 * a provider's secret or the caller's address.
 */
import { foldUsage } from "@claviger/shared/money/usage";
import type { Clock } from "../ports.ts";
import type { Settlement, Trace, Tracer } from "../rooms.ts";
import type { Exporter } from "./exporter.ts";
import { type Attributes, SPAN_KINDS } from "./otlp.ts";
import { isSampled, type Sampling } from "./sampler.ts";
import { randomHex, readTraceparent, type TraceContext, writeTraceparent } from "./trace-context.ts";

export interface TracerDeps {
  readonly clock: Clock;
  readonly exporter: Pick<Exporter, "add">;
  readonly sampling: Sampling;
}

export function createTracer(deps: TracerDeps): Tracer {
  return {
    begin(exchange, requestId, route) {
      const parent = readTraceparent(exchange.header("traceparent"));
      const traceId = parent?.traceId ?? randomHex(16);
      if (!isSampled(deps.sampling, traceId, parent)) return undefined;
      return new RequestTrace(deps, { traceId, spanId: randomHex(8), sampled: true }, parent?.spanId, {
        "http.request.method": exchange.method,
        "http.route": route.path,
        "claviger.request.id": requestId,
        "claviger.surface": route.surface,
        ...operationOf(route.surface),
      });
    },
  };
}

class RequestTrace implements Trace {
  readonly #deps: TracerDeps;
  readonly #context: TraceContext;
  readonly #parentSpanId: string | undefined;
  readonly #attributes: Attributes;
  readonly #startMs: number;
  readonly #startMonoMs: number;
  /** Span ids that providers were told, by attempt. */
  readonly #told = new Map<number, string>();
  #attempts = 0;
  #ended = false;

  constructor(
    deps: TracerDeps,
    context: TraceContext,
    parentSpanId: string | undefined,
    attributes: Attributes,
  ) {
    this.#deps = deps;
    this.#context = context;
    this.#parentSpanId = parentSpanId;
    this.#attributes = attributes;
    this.#startMs = deps.clock.wallMs();
    this.#startMonoMs = deps.clock.monoMs();
  }

  traceparent(attempt: number): string {
    const spanId = this.#told.get(attempt) ?? randomHex(8);
    this.#told.set(attempt, spanId);
    return writeTraceparent({ ...this.#context, spanId });
  }

  refused(code: string, status: number, keyId: string | undefined): void {
    this.#end(status, code, { "claviger.key.id": keyId, "claviger.attempts": this.#attempts });
  }

  settled(settlement: Settlement): void {
    this.#attempts++;
    const { admission, attempt, followed, status, code, streamed, firstByteMs, totalMs, basis } = settlement;
    const { key, provider, model } = admission;
    const endMs = this.#nowMs();
    const names = {
      "gen_ai.provider.name": PROVIDERS[provider.provider] ?? provider.provider,
      "gen_ai.request.model": model,
    };
    const tokens = tokensOf(settlement);
    const operation = this.#attributes["gen_ai.operation.name"] ?? this.#attributes["claviger.surface"];
    this.#deps.exporter.add({
      traceId: this.#context.traceId,
      spanId: this.#told.get(attempt) ?? randomHex(8),
      parentSpanId: this.#context.spanId,
      name: `${operation} ${model}`,
      kind: SPAN_KINDS.client,
      startMs: endMs - totalMs,
      endMs,
      attributes: {
        "gen_ai.operation.name": this.#attributes["gen_ai.operation.name"],
        ...names,
        ...tokens,
        "gen_ai.response.time_to_first_chunk": firstByteMs === null ? undefined : firstByteMs / 1000,
        "http.response.status_code": status,
        "error.type": code ?? undefined,
        "claviger.attempt": attempt,
        "claviger.llm_key.id": provider.id,
        "claviger.usage.basis": basis,
        "claviger.streamed": streamed,
      },
      error: code ?? undefined,
    });
    // Another attempt ends the request, or the refusal that the caller gets instead.
    if (followed) return;
    this.#end(status, code ?? undefined, {
      ...names,
      ...tokens,
      "claviger.key.id": key.id,
      "claviger.project.id": key.projectId,
      "claviger.attempts": this.#attempts,
      "claviger.streamed": streamed,
    });
  }

  #nowMs(): number {
    return this.#startMs + this.#deps.clock.monoMs() - this.#startMonoMs;
  }

  #end(status: number, code: string | undefined, more: Attributes): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deps.exporter.add({
      ...{ traceId: this.#context.traceId, spanId: this.#context.spanId, parentSpanId: this.#parentSpanId },
      name: `${this.#attributes["http.request.method"]} ${this.#attributes["http.route"]}`,
      kind: SPAN_KINDS.server,
      startMs: this.#startMs,
      endMs: this.#nowMs(),
      attributes: {
        ...this.#attributes,
        ...more,
        "http.response.status_code": status,
        "claviger.decision": this.#attempts === 0 ? "refused" : "admitted",
        "error.type": code,
      },
      // A server's span is failed by what is the server's fault (HTTP semantic conventions, "Status").
      error: status >= 500 ? (code ?? String(status)) : undefined,
    });
  }
}

/** Input counts what was read from a cache too, output what was thought (GenAI conventions, `gen_ai.usage.*`); ours are disjoint. */
function tokensOf({ tokens }: Settlement): Attributes {
  const { input, cacheRead, cacheWrite, output, reasoning } = foldUsage(tokens);
  return {
    "gen_ai.usage.input_tokens": sum(input, cacheRead, cacheWrite),
    "gen_ai.usage.output_tokens": sum(output, reasoning),
    "gen_ai.usage.cache_read.input_tokens": cacheRead ?? undefined,
    "gen_ai.usage.cache_creation.input_tokens": cacheWrite ?? undefined,
  };
}

function sum(...parts: (number | null)[]): number | undefined {
  const said = parts.filter((part) => part !== null);
  return said.length === 0 ? undefined : said.reduce((all, part) => all + part, 0);
}

/** The well-known values of `gen_ai.provider.name`; others go by our own name. */
const PROVIDERS: Readonly<Record<string, string>> = {
  gemini: "gcp.gemini",
  "azure-openai": "azure.ai.openai",
  mistral: "mistral_ai",
  xai: "x_ai",
};

const OPERATIONS: Readonly<Record<string, string>> = {
  "chat.completions": "chat",
  responses: "chat",
  messages: "chat",
  completions: "text_completion",
  embeddings: "embeddings",
  embedContent: "embeddings",
  batchEmbedContents: "embeddings",
  generateContent: "generate_content",
  streamGenerateContent: "generate_content",
};

function operationOf(surface: string): Attributes {
  const operation = OPERATIONS[surface];
  return operation === undefined ? {} : { "gen_ai.operation.name": operation };
}
