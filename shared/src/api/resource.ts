/** The envelope of JSON:API 1.1 as this API uses it (API.md §2). */

/** The nouns of the API, as `type` names them. */
export type ResourceType =
  | "api-key"
  | "agent"
  | "ephemeral-token"
  | "llm-api-key"
  | "project"
  | "member"
  | "invitation"
  | "saved-view"
  | "personal-access-token"
  | "session"
  | "passkey"
  | "passkey-challenge"
  | "sign-in-policy"
  | "single-sign-on"
  | "model"
  | "model-alias"
  | "mcp-server"
  | "mcp-tool"
  | "provider"
  | "gateway"
  | "enrolment-token"
  | "operation"
  | "organization"
  | "usage"
  | "log-entry"
  | "audit-entry"
  | "notification"
  | "notification-channel"
  | "notification-delivery"
  | "notification-rules";

export interface Resource<Attributes extends object = object> {
  readonly type: ResourceType;
  readonly id: string;
  readonly attributes: Attributes;
}

/** One page of a list; `next` is the cursor of the page after it. */
export interface Page<R extends Resource = Resource> {
  readonly resources: readonly R[];
  readonly next: string | null;
  readonly total: number;
}
