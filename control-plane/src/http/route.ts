/**
 * What a route of the control plane is. A route is a row of the closed table in `route-table.ts`; parsing, sign-in,
 * roles, idempotency, waiting for the fleet, and the shape of every answer are done around `handle`, once. To add a
 * noun: write `routes/<noun>.ts` with the helpers below and list it in `route-table.ts`.
 */
import type { Resource, ResourceType } from "@claviger/shared/api/resource";
import type { Role } from "@claviger/shared/api/role";
import type * as z from "zod";
import type { Claim } from "../idempotency/claim.ts";
import type { Changed } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { Settings } from "../settings.ts";

/**
 * `resource`: `{data: {type, attributes}}` with strict attributes. `plain`: the whole body is this strict object; absent
 * means `{}`. `raw`: handled by the route itself, up to the size limit. Objects must be `z.strictObject`.
 */
export type BodyShape<B> =
  | { readonly kind: "none" }
  | { readonly kind: "resource"; readonly type: ResourceType; readonly attributes: z.ZodType<B> }
  | { readonly kind: "plain"; readonly schema: z.ZodType<B> }
  | { readonly kind: "raw" };

/** One request, parsed and admitted. */
export interface Call<B, Q> {
  readonly ports: Ports;
  readonly settings: Settings;
  /** `:name` segments of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: B;
  readonly query: Q;
  readonly requestId: string;
  /** `Prefer: wait=N` in milliseconds; 10 s unless asked otherwise. */
  readonly waitMs: number;
  /** The revision of `If-Match`, without quotes. */
  readonly ifMatch: string | undefined;
  /** The untouched request; its `signal` aborts when the client leaves. */
  readonly request: Request;
  /** Aborts when the client leaves or the process stops: what is held open ends then. */
  readonly left: AbortSignal;
  /** Address of the peer, for rate limits and session lists. */
  readonly peer: string;
  /** The right to run, when the request came with an Idempotency-Key; members carry it in `caller`. */
  readonly claim: Claim | undefined;
}

export interface MemberCall<B, Q> extends Call<B, Q> {
  readonly caller: Caller;
}

export type Answer =
  | {
      readonly kind: "one";
      readonly status?: 200 | 201 | 202;
      /** null after a delete. */
      readonly resource: Resource | null;
      readonly revision?: string;
      readonly secretKey?: string;
      readonly meta?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "list";
      readonly resources: readonly Resource[];
      /** Cursor of the next page. */
      readonly next: string | null;
      readonly meta?: Readonly<Record<string, unknown>>;
    }
  | {
      /** Waits for the operation, then 200, 202 (restrictive and pending) or 201 (`created`). */
      readonly kind: "change";
      readonly created: boolean;
      readonly changed: Changed;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: "raw"; readonly response: Response };

export type ErrorShape = "json-api" | "gateway" | "oauth";

interface RouteBase<B, Q> {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Whole path in Hono's form: `/api/v1/api-keys/:id`. */
  readonly path: `/${string}`;
  /** For the reference page: what it does, in a few words. */
  readonly summary: string;
  readonly body: BodyShape<B>;
  /** Query parameters, all strings on arrival; a strict object. None are accepted when absent. */
  readonly query?: z.ZodType<Q>;
  /** The noun that success returns, for the reference page. */
  readonly answers?: ResourceType;
  /** `gateway` for what gateways call: `{"error": {message, type, param, code}}`; `oauth` for RFC 6749's. Default `json-api`. */
  readonly errors?: ErrorShape;
}

/** `role`: signed-in members that hold at least this. */
export interface MemberRoute<B, Q> extends RouteBase<B, Q> {
  readonly access: Role;
  readonly handle: (call: MemberCall<B, Q>) => Promise<Answer>;
}

/** `public`: nobody is asked. `operator`: the bearer of `CLAVIGER_OPERATOR_TOKEN`. */
export interface OpenRoute<B, Q> extends RouteBase<B, Q> {
  readonly access: "public" | "operator";
  readonly handle: (call: Call<B, Q>) => Promise<Answer>;
}

/** A row of the table, with its types closed over: the parser hands `handle` what its own schemas produced. */
export type Route = MemberRoute<unknown, unknown> | OpenRoute<unknown, unknown>;

/** A route for members of an organization. */
export function memberRoute<B = undefined, Q = undefined>(route: MemberRoute<B, Q>): Route {
  return route as unknown as Route;
}

/** A route without a member: sign-in, enrolment, what only the operator may. */
export function openRoute<B = undefined, Q = undefined>(route: OpenRoute<B, Q>): Route {
  return route as unknown as Route;
}
