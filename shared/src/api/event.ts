/** What `GET /events` says (API.md §2): server-sent events whose id is the revision that whoever heard them has. */
import type { GatewayView } from "./gateway.ts";
import type { Resource } from "./resource.ts";

/** One change of the organization: which noun, what was done, and to what; never what it was changed to. */
export interface LiveChange {
  readonly revision: string;
  /** `<noun>.<verb>`, e.g. `api-key.revoke`. */
  readonly action: string;
  readonly actor: string;
  /** Ids of the records that gateways were told of, at most 50. */
  readonly ids: readonly string[];
}

/** Every event by its name. A reconnect with `Last-Event-ID` begins after the change of that id. */
export interface LiveEvents {
  /** First, once per connection. */
  readonly hello: { readonly at: string; readonly revision: string };
  /** `complete: false`: more has happened than is told here, so whatever was read before is to be read again. */
  readonly changes: { readonly complete: boolean; readonly changes: readonly LiveChange[] };
  /** All gateways as `GET /gateways` shows them: once per connection, then whenever one of them differs. */
  readonly fleet: { readonly data: readonly (Resource<GatewayView> & { readonly type: "gateway" })[] };
  /** Keys were used: requests, spending and last uses have moved. */
  readonly traffic: { readonly at: string };
  /** The organization was told something: its notifications have grown. */
  readonly told: { readonly at: string };
  /** Nothing, every 5 s: silence means that the stream is lost. */
  readonly beat: { readonly at: string };
}

export type LiveEventName = keyof LiveEvents;

/** Whoever has heard nothing for this long takes the stream for lost, in milliseconds. */
export const SILENT_MS_MAX = 12_000;
