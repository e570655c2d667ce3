/** What the API takes and shows of MCP servers, and of what they offer. Credentials go in and never come out. */
import * as z from "zod";
import type { McpDiscovery } from "../wire/query.ts";
import type { McpOfferKind } from "../wire/record.ts";
import { Digest } from "../wire/scalars.ts";
import { Id, isPlainText, isSet, TWICE } from "./attribute.ts";

/** Without an underscore, so that `server__tool` is read in one way only. */
const ServerName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
    "must be 1 to 32 of a-z, 0-9 and '-', and begin and end with a letter or digit",
  );

const Url = z.string().min(1, "must not be empty").max(2048, "is too long");

const Credential = z
  .string()
  .min(1, "must not be empty")
  .max(4096, "must not be longer than 4096 characters")
  .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without blanks");

const HeaderValue = z
  .string()
  .min(1, "must not be empty")
  .max(4096, "must not be longer than 4096 characters")
  .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, "must be printable ASCII");

/** What the gateway sends itself, or what would change how the request is read. */
const RESERVED: ReadonlySet<string> = new Set([
  ...["host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"],
  ...["content-length", "content-type", "content-encoding", "accept", "accept-encoding", "last-event-id"],
  ...["mcp-session-id", "mcp-protocol-version", "proxy-authorization", "proxy-connection"],
]);

/** Names as RFC 9110 §5.1 has them, each once whatever its case. */
const Headers = z
  .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, "must be names of headers"), HeaderValue)
  .refine((headers) => Object.keys(headers).length > 0, "must not be empty: null takes them away")
  .refine((headers) => Object.keys(headers).length <= 32, "must not have more than 32 entries")
  .refine((headers) => isSet(Object.keys(headers).map((name) => name.toLowerCase())), TWICE)
  .refine(
    (headers) => Object.keys(headers).every((name) => !RESERVED.has(name.toLowerCase())),
    "must not hold headers that the gateway sends itself",
  );

const attributes = {
  url: Url,
  transport: z.literal("streamable-http").optional(),
  /** null: keys of every project. */
  projectIds: z
    .array(Id)
    .min(1, "must be null (all) or not empty")
    .max(1000)
    .refine(isSet, TWICE)
    .nullable()
    .optional(),
  enabled: z.boolean().optional(),
  /** What becomes of a tool, prompt or resource that is new or has changed. */
  newTools: z.enum(["pending", "accept"]).optional(),
  /** Sent as `Authorization: Bearer …`; null takes the credential away. */
  bearer: Credential.nullable().optional(),
  /** Sent with every request in place of a bearer. */
  headers: Headers.nullable().optional(),
};

type Credentials = { bearer?: string | null | undefined; headers?: object | null | undefined };

function oneCredential({ bearer, headers }: Credentials, context: z.RefinementCtx): void {
  if (!bearer || !headers) return;
  const message = "stand beside a bearer; send one of them";
  context.addIssue({ code: "custom", path: ["headers"], message });
}

export const McpServerCreate = z.strictObject({ name: ServerName, ...attributes }).superRefine(oneCredential);
export type McpServerCreate = z.infer<typeof McpServerCreate>;

/** The name is what keys, agents and clients know a server by: it never changes. */
export const McpServerEdit = z
  .strictObject({ ...attributes, url: Url.optional() })
  .superRefine(oneCredential);
export type McpServerEdit = z.infer<typeof McpServerEdit>;

export const McpDiscover = z.strictObject({
  /** Id or name; whichever answers when it is absent. */
  gateway: z.string().min(1).max(128).optional(),
});
export type McpDiscover = z.infer<typeof McpDiscover>;

const Kind = z.enum(["tool", "prompt", "resource", "resource-template"]);

const ToolName = z
  .string()
  .min(1, "must not be empty")
  .max(2048, "is too long")
  .refine(isPlainText, "must not hold control characters");

/** `hash` is that of the definition that was looked at: what has changed since is not accepted by it. */
const Accepted = z.strictObject({ kind: Kind.default("tool"), name: ToolName, hash: Digest.optional() });
const Rejected = z.strictObject({ kind: Kind.default("tool"), name: ToolName });

export const McpToolsAccept = z
  .strictObject({
    tools: z
      .array(Accepted)
      .min(1, "must not be empty")
      .max(2000, "must not have more than 2000 entries")
      .optional(),
    /** Whatever waits, as it was last found. */
    all: z.literal(true).optional(),
  })
  .refine(({ tools, all }) => (tools === undefined) !== (all === undefined), "send either tools or all");
export type McpToolsAccept = z.infer<typeof McpToolsAccept>;

export const McpToolsReject = z.strictObject({
  tools: z.array(Rejected).min(1, "must not be empty").max(2000, "must not have more than 2000 entries"),
});
export type McpToolsReject = z.infer<typeof McpToolsReject>;

/** `gone`: accepted, and not offered any more. `new` and `changed` wait for somebody who accepts them. */
export const mcpToolStates = ["new", "changed", "accepted", "rejected", "gone"] as const;
export type McpToolState = (typeof mcpToolStates)[number];

export interface McpServerView {
  readonly name: string;
  readonly url: string;
  readonly transport: "streamable-http";
  readonly projectIds: readonly string[] | null;
  readonly enabled: boolean;
  readonly newTools: "pending" | "accept";
  readonly credential: "none" | "bearer" | "headers";
  /** The last four characters of a bearer, when it is long enough to show them. */
  readonly preview: string | null;
  /** In lower case. */
  readonly headerNames: readonly string[];
  /** Names of tools that keys may be given: accepted, and offered when it was last asked. */
  readonly tools: readonly string[];
  /** Of tools, prompts, resources and templates together. */
  readonly counts: Readonly<Record<McpToolState, number>>;
  /** What was found when a gateway last asked it; null: none has yet. */
  readonly discovered: {
    readonly at: string;
    readonly gatewayId: string;
    readonly gateway: string;
    readonly protocolVersion: string | null;
    readonly serverName: string | null;
    readonly serverVersion: string | null;
  } | null;
  readonly createdAt: string;
}

export interface McpToolView {
  readonly kind: McpOfferKind;
  /** Of a resource its URI, of a template its URI template. */
  readonly name: string;
  readonly state: McpToolState;
  /** As it is offered; null: it is not any more. */
  readonly definition: Readonly<Record<string, unknown>> | null;
  /** Of `definition`; accepting by it accepts nothing else. */
  readonly hash: string | null;
  /** As it was accepted, where that is not as it is offered. */
  readonly acceptedDefinition: Readonly<Record<string, unknown>> | null;
  readonly changedAt: string;
}

/** In `meta.discovery`: what came of asking. */
export interface McpDiscoveryView {
  /** `no_answer`: no gateway is there, or none answered in time. */
  readonly outcome: McpDiscovery["outcome"] | "no_answer";
  readonly gatewayId: string;
  readonly gateway: string;
  readonly latencyMs: number | null;
  /** HTTP status of the server's last answer. */
  readonly status: number | null;
  /** How many are new, have changed, or are gone since it was last asked. */
  readonly added: number;
  readonly changed: number;
  readonly gone: number;
  /** Of what it offers, how many could not be taken in: too large, or not what an MCP server may say. */
  readonly unreadable: number;
}

/** What would stop if the server were deleted or disabled. */
export interface McpServerImpactView {
  /** Active API keys and agents that may use it now. */
  readonly apiKeys: number;
}
