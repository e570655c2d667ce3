/** A question of the control plane to one replica (JWS typ `clv-query+jws`), and its answer in parts of ≤ 256 KiB. */
import * as z from "zod";
import { Nanos } from "./escrow.ts";
import { McpOfferKind } from "./record.ts";
import { Id, TimeMs } from "./scalars.ts";
import { Tokens } from "./usage.ts";

/** Newest first, `before` is the `n` of the last row seen. */
const Range = {
  limit: z.int().min(1).max(500),
  before: z.int().min(1).optional(),
  fromMs: TimeMs.optional(),
  toMs: TimeMs.optional(),
  keyId: Id.optional(),
};

export const Question = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("logs"),
    ...Range,
    model: z.string().optional(),
    provider: z.string().optional(),
    code: z.string().optional(),
    /** `mcp`: calls of MCP servers. Gateways of before know nothing of it and answer with all. */
    surface: z.string().optional(),
    requestId: z.string().optional(),
    /** With `requestId`: what was said in that request, as far as it was captured. */
    bodies: z.boolean().optional(),
  }),
  z.object({ kind: z.literal("audit"), ...Range, action: z.string().optional() }),
  /** Whether this gateway reaches the LLM key's provider, and is let in: one row, `LlmKeyTest`. */
  z.object({ kind: z.literal("llm-test"), llmKeyId: Id }),
  /** What an MCP server offers, as this gateway finds it: a row `McpDiscovery`, then one `McpOffer` for each. */
  z.object({ kind: z.literal("mcp-discover"), serverId: Id }),
]);
export type Question = z.infer<typeof Question>;

export const Query = z.object({
  v: z.literal(1),
  id: z.string(),
  cp: z.string(),
  replica: Id,
  /** By the control plane's clock: from this moment on it is not answered, whoever brings it again. */
  untilMs: TimeMs,
  question: Question,
});
export type Query = z.infer<typeof Query>;

/** Of the rows of a log, as the store answers it; the others are answered by whom they concern. */
export type LogQuestion = Exclude<Question, { kind: "llm-test" | "mcp-discover" }>;

/** What came of a call that costs nothing: the provider's list of its models. */
export const LlmKeyTest = z.object({
  outcome: z.enum([
    "ok",
    /** The provider was reached and does not take the credential. */
    "auth_failed",
    /** The egress guard of this gateway does not let through where the base URL leads. */
    "blocked",
    /** No connection, or no answer in time. */
    "unreachable",
    /** Something answered, and not as this provider does: `status` says how. */
    "unexpected_answer",
    /** This gateway has not got the LLM key yet, or cannot open its credential. */
    "not_held",
  ]),
  latencyMs: z.number().min(0),
  /** Of the answer; null: there was none. */
  status: z.int().nullable(),
  /** Models that the provider lists; null: it lists none. */
  models: z.int().min(0).nullable(),
});
export type LlmKeyTest = z.infer<typeof LlmKeyTest>;

/** One side of what was said, as far as an organization that turned body capture on lets it be kept. */
const CapturedBody = z.object({
  /** Without keys and provider secrets, and only its beginning where it is long; null: nothing that is text. */
  text: z.string().nullable(),
  /** Of the whole, as it went over the wire. */
  bytes: z.int().min(0),
  /** `text` is only the beginning. */
  truncated: z.boolean(),
});
export type CapturedBody = z.infer<typeof CapturedBody>;

/** What the caller sent, and what it was answered. */
export const CapturedBodies = z.object({ request: CapturedBody, response: CapturedBody });
export type CapturedBodies = z.infer<typeof CapturedBodies>;

/** What came of asking an MCP server for everything that it offers. */
export const McpDiscovery = z.object({
  outcome: z.enum([
    "ok",
    /** The server was reached and does not take the credential, or wants one. */
    "auth_failed",
    /** The egress guard of this gateway does not let through where the URL leads. */
    "blocked",
    /** No connection, or no answer in time. */
    "unreachable",
    /** Something answered, and not as an MCP server does: `status` says how. */
    "unexpected_answer",
    /** This gateway has not got the server yet, or cannot open its credential. */
    "not_held",
  ]),
  latencyMs: z.number().min(0),
  /** HTTP status of the last answer; null: there was none. */
  status: z.int().nullable(),
  protocolVersion: z.string().max(64).nullable(),
  /** As it calls itself. */
  serverName: z.string().max(256).nullable(),
  serverVersion: z.string().max(256).nullable(),
  /** How many rows follow. Fewer arrive when one is too large to be sent. */
  offers: z.int().min(0),
});
export type McpDiscovery = z.infer<typeof McpDiscovery>;

/** One tool, prompt, resource or template, as the server describes it. */
export const McpOffer = z.object({
  kind: McpOfferKind,
  name: z.string().min(1).max(2048),
  definition: z.record(z.string(), z.unknown()),
});
export type McpOffer = z.infer<typeof McpOffer>;

/** Of a request to `/mcp`: what was called, what came of it, and by which revision that was decided. */
export const McpCall = z.object({
  /** null: it named none that there is. */
  serverId: Id.nullable(),
  server: z.string().max(128),
  /** `tools/call`, `tools/list`, `resources/read`, … */
  method: z.string().max(64),
  /** Of the tool or prompt, or the URI of the resource. */
  name: z.string().max(2048).optional(),
  /** `tool_error`: the server answered that the tool failed; `error`: with a JSON-RPC error, or not as it should. */
  outcome: z.enum(["ok", "tool_error", "error", "refused", "aborted"]),
  epoch: z.int(),
  rev: z.int(),
});
export type McpCall = z.infer<typeof McpCall>;

/** One line of the request log. */
export const LogRow = z.object({
  n: z.int(),
  requestId: z.string(),
  atMs: TimeMs,
  keyId: Id.nullable(),
  projectId: Id.nullable(),
  surface: z.string(),
  method: z.string(),
  path: z.string(),
  model: z.string().nullable(),
  provider: z.string().nullable(),
  llmKeyId: Id.nullable(),
  status: z.int(),
  /** null when the request was admitted and answered by the provider. */
  code: z.string().nullable(),
  streamed: z.boolean(),
  tokens: Tokens.nullable(),
  firstByteMs: z.number().nullable(),
  totalMs: z.number(),
  ip: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  /** The ephemeral token (`jti`) that asked; `keyId` is its parent. */
  tokenId: Id.optional(),
  /** `refused` here, or `admitted` and then whatever became of it. Absent of gateways that do not tell. */
  decision: z.enum(["admitted", "refused"]).optional(),
  /** Nano-dollars at the price that was known when it began; absent: not known. */
  cost: Nanos.optional(),
  /** Of surface `mcp`. */
  mcp: McpCall.optional(),
  /** From 2 on; absent: 1. Each attempt of a request is a row of its own, and the last one is what the caller got. */
  attempt: z.int().min(2).max(1_000).optional(),
  /** The attempts before this one, in order. */
  attempts: z
    .array(
      z.object({
        model: z.string(),
        provider: z.string(),
        llmKeyId: Id,
        /** What the caller would have been told. */
        status: z.int(),
        code: z.string().nullable(),
        ms: z.number(),
      }),
    )
    .optional(),
  /** Only when asked for, and only while they are kept. */
  bodies: CapturedBodies.optional(),
});
export type LogRow = z.infer<typeof LogRow>;

/** One link of the audit chain: an applied change with its actor, or one admitted request. */
export const AuditRow = z.object({
  n: z.int(),
  /** `SHA-256(hash of n−1 || entry bytes)`, base64url. */
  hash: z.string(),
  atMs: TimeMs,
  entry: z.discriminatedUnion("kind", [
    z.object({
      kind: z.literal("change"),
      epoch: z.int(),
      rev: z.int(),
      action: z.string(),
      actor: z.object({ kind: z.string(), id: z.string(), name: z.string() }),
      reason: z.string().optional(),
      /** Ids of the records that changed. */
      ids: z.array(z.string()),
    }),
    z.object({ kind: z.literal("snapshot"), epoch: z.int(), fromRev: z.int(), toRev: z.int() }),
    z.object({
      kind: z.literal("request"),
      requestId: z.string(),
      keyId: z.string(),
      generation: z.int(),
      model: z.string(),
      provider: z.string(),
      status: z.int(),
      code: z.string().nullable(),
      /** Of a call through MCP, whose `provider` is `mcp` and whose `model` is `<server>/<name>`. */
      mcp: McpCall.optional(),
    }),
  ]),
});
export type AuditRow = z.infer<typeof AuditRow>;

export const AnswerPart = z.object({
  part: z.int().min(0),
  more: z.boolean(),
  rows: z.array(z.unknown()),
});
export type AnswerPart = z.infer<typeof AnswerPart>;
