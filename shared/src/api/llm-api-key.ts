/** What the API takes and shows of an LLM API key. The credential goes in and never comes out. */
import * as z from "zod";
import type { LlmKeyTest } from "../wire/query.ts";
import { isPlainText, isSet, Name, Slug, TWICE } from "./attribute.ts";

const Credential = z
  .string()
  .min(1, "must not be empty")
  .max(4096, "must not be longer than 4096 characters")
  .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without blanks");

const BaseUrl = z.string().max(2048).refine(isPlainText, "must not hold control characters");

const CustomModels = z.array(Name).max(1000, "must not have more than 1000 entries").refine(isSet, TWICE);

export const LlmApiKeyCreate = z.strictObject({
  provider: z.string().min(1).max(64),
  name: Slug.optional(),
  secretKey: Credential.optional(),
  customModels: CustomModels.nullable().optional(),
  withDefaultModels: z.boolean().optional(),
  baseUrl: BaseUrl.nullable().optional(),
});
export type LlmApiKeyCreate = z.infer<typeof LlmApiKeyCreate>;

/** A base URL on another host needs the credential again: it is bound to the host it was given for. */
export const LlmApiKeyEdit = z.strictObject({
  name: Slug.optional(),
  secretKey: Credential.optional(),
  customModels: CustomModels.nullable().optional(),
  withDefaultModels: z.boolean().optional(),
  baseUrl: BaseUrl.nullable().optional(),
});
export type LlmApiKeyEdit = z.infer<typeof LlmApiKeyEdit>;

export const LlmApiKeyRotate = z.strictObject({ secretKey: Credential });
export type LlmApiKeyRotate = z.infer<typeof LlmApiKeyRotate>;

export interface LlmApiKeyView {
  readonly provider: string;
  readonly name: string;
  /** The last four characters of the credential, when it is long enough to show them. */
  readonly preview: string;
  readonly baseUrl: string;
  readonly customModels: readonly string[];
  readonly withDefaultModels: boolean;
  readonly models: readonly string[];
  readonly projectId: string;
  readonly secretVersion: number;
  readonly createdAt: string;
}

export const LlmApiKeyTest = z.strictObject({
  /** Id or name; all gateways when it is absent. */
  gateway: z.string().min(1).max(128).optional(),
});
export type LlmApiKeyTest = z.infer<typeof LlmApiKeyTest>;

/** `no_answer`: the gateway is not there, or did not answer in time. */
type TestOutcome = LlmKeyTest["outcome"] | "no_answer";

/** What came of a test, by gateway. */
export interface LlmApiKeyTestView {
  /** Of the gateway that fared worst; `ok` only when all are let in. */
  readonly outcome: TestOutcome;
  readonly gateways: readonly {
    readonly gatewayId: string;
    readonly name: string;
    readonly outcome: TestOutcome;
    /** From the question to the provider's whole answer, as the gateway measured it. */
    readonly latencyMs: number | null;
    /** HTTP status of the provider's answer. */
    readonly status: number | null;
    /** How many models the provider lists. */
    readonly models: number | null;
  }[];
}

/** What stops when an LLM key is deleted. */
export interface LlmApiKeyImpactView {
  /** Models of its provider that no other LLM key of the project serves. */
  readonly models: number;
  /** True when it is the project's last LLM key of its provider. */
  readonly lastOfProvider: boolean;
  /** Active API keys of the project that may use at least one of those models, */
  readonly apiKeys: number;
  /** and of these the ones that nothing else in the project serves: every request of theirs will be refused. */
  readonly apiKeysLeftWithoutModels: number;
}
