/** A question of the control plane to one replica (JWS typ `clv-query+jws`), and its answer in parts of ≤ 256 KiB. */
import * as z from "zod";
import { Nanos } from "./escrow.ts";
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
    requestId: z.string().optional(),
  }),
  z.object({ kind: z.literal("audit"), ...Range, action: z.string().optional() }),
  /** Whether this gateway reaches the LLM key's provider, and is let in: one row, `LlmKeyTest`. */
  z.object({ kind: z.literal("llm-test"), llmKeyId: Id }),
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
export type LogQuestion = Exclude<Question, { kind: "llm-test" }>;

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
