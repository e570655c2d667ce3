/**
 * Whether a provider lets us in with the credential of an LLM key: its list of models is asked for, which costs nothing. The
 * bargain: it goes the way of every request, through the egress guard and with the credential that this gateway holds, so
 * that what it says is what requests will find.
 */
import type { TableView } from "@claviger/shared/decide/view";
import type { LlmKeyTest } from "@claviger/shared/wire/query";
import type { ProviderRecord } from "@claviger/shared/wire/record";
import type { Clock, Upstream, UpstreamFailure, UpstreamRequest, Vault } from "../ports.ts";
import { requestHead } from "./head.ts";
import { type ProviderRow, providers, type Target, targetOf } from "./providers.ts";
import type { Dialect } from "./surfaces.ts";

export interface TryDeps {
  readonly view: Pick<TableView, "provider">;
  readonly vault: Vault;
  readonly upstream: Upstream;
  readonly clock: Pick<Clock, "monoMs">;
}

/** For connection, head, and each silence; whoever asked waits for ten seconds in all. */
const PHASE_MS = 3_000;
const WHOLE_MS = 8_000;
/** Of the list; the number of models in a longer one is not told. */
const BODY_BYTES_MAX = 4_194_304;

/** Resolves in every case, within eight seconds. */
export function createTryProvider(deps: TryDeps): (llmKeyId: string) => Promise<LlmKeyTest> {
  return async (llmKeyId) => {
    const startedMs = deps.clock.monoMs();
    const told = (outcome: LlmKeyTest["outcome"], answer: Answer | undefined = undefined): LlmKeyTest => ({
      outcome,
      latencyMs: Math.max(0, Math.round(deps.clock.monoMs() - startedMs)),
      status: answer?.status ?? null,
      models: outcome === "ok" && answer !== undefined ? countModels(answer.body) : null,
    });
    const record = deps.view.provider(llmKeyId);
    const credential = record === undefined ? undefined : await deps.vault.credentialFor(record);
    const request = record && credential !== undefined ? listRequest(record, credential) : undefined;
    if (request === undefined) return told("not_held");
    const answer = await call(deps.upstream, request);
    if (typeof answer !== "string") return told(judge(answer), answer);
    if (answer === "blocked") return told("blocked");
    return told(answer === "bad_response" ? "unexpected_answer" : "unreachable");
  };
}

interface Answer {
  readonly status: number;
  /** "" when it was too long, or did not come to its end. */
  readonly body: string;
}

function judge({ status, body }: Answer): LlmKeyTest["outcome"] {
  if (status === 200) return "ok";
  if (status === 401 || status === 403) return "auth_failed";
  // Gemini and xAI say 400 of a credential that they do not know.
  if (status === 400 && /api[ _-]?key/i.test(body)) return "auth_failed";
  return "unexpected_answer";
}

function listRequest(record: ProviderRecord, credential: string): UpstreamRequest | undefined {
  const row = providers[record.provider];
  const found = row && listOf(record, row);
  if (row === undefined || found === undefined) return undefined;
  const { target, dialect } = found;
  const head = requestHead({
    ...{ provider: record.provider, row, dialect, credential, contentType: "application/json" },
    ...{ accept: "application/json", header: () => undefined },
  });
  return {
    ...{ origin: target.origin, path: target.path, method: "GET", headers: head, body: [] },
    ...{ connectTimeoutMs: PHASE_MS, headersTimeoutMs: PHASE_MS, idleTimeoutMs: PHASE_MS },
  };
}

/** Where the provider lists its models; OpenRouter's list is open to everybody, so it is asked about the credential. */
function listOf(
  record: ProviderRecord,
  row: ProviderRow,
): { readonly target: Target; readonly dialect: Dialect } | undefined {
  const at = (surface: Parameters<typeof targetOf>[1], dialect: Dialect, path: (of: string) => string) => {
    const target = targetOf(row, surface, record.baseUrl);
    return target && { target: { ...target, path: path(target.path) }, dialect };
  };
  const list = record.provider === "openrouter" ? "/key" : "/models";
  if (record.provider === "gemini") {
    return at("countTokens", "gemini", (path) => path.replace(/\/\{version\}\/.*$/, "/v1beta/models"));
  }
  if (record.provider === "anthropic") {
    return at("messages", "anthropic", (path) => path.replace(/\/messages$/, list));
  }
  return at("chat.completions", "openai", (path) =>
    path.replace(/(?:\/deployments\/\{model\})?\/chat\/completions/, list),
  );
}

function call(upstream: Upstream, request: UpstreamRequest): Promise<Answer | UpstreamFailure> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    let status: number | undefined;
    const done = (outcome: Answer | UpstreamFailure) => {
      clearTimeout(timer);
      open.close();
      resolve(outcome);
    };
    const cut = () => done(status === undefined ? "timeout" : { status, body: "" });
    const timer = setTimeout(cut, WHOLE_MS);
    const open = upstream.open(request, {
      head(answered) {
        status = answered;
      },
      data(chunk) {
        bytes += chunk.length;
        if (bytes > BODY_BYTES_MAX) cut();
        // A slab may be used again once this returns.
        else chunks.push(chunk.slice());
      },
      end() {
        done({ status: status ?? 0, body: new TextDecoder().decode(join(chunks, bytes)) });
      },
      failed(why) {
        done(status === undefined ? why : { status, body: "" });
      },
    });
  });
}

function join(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** OpenAI's and Anthropic's `data`, Gemini's `models`, Together's bare list. */
function countModels(body: string): number | null {
  try {
    const json: unknown = JSON.parse(body);
    if (Array.isArray(json)) return json.length;
    if (typeof json !== "object" || json === null) return null;
    const list = "data" in json ? json.data : "models" in json ? json.models : undefined;
    return Array.isArray(list) ? list.length : null;
  } catch {
    return null;
  }
}
