/** What the API takes and shows of an LLM API key. The credential goes in and never comes out. */
import * as z from "zod";
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
