/**
 * The one way from a request to a verb: sign-in, role, body, idempotency, verb, answer. Every route goes through here,
 * so none can forget a step.
 */
import { problem } from "@claviger/shared/api/problem";
import { makeId } from "@claviger/shared/key/id";
import type { Context } from "hono";
import type { Claim } from "../idempotency/claim.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import type { Settings } from "../settings.ts";
import { type Document, documentOf } from "./answer.ts";
import { runOnce } from "./idempotent.ts";
import { clientOf } from "./peer.ts";
import { readBody } from "./read-body.ts";
import { readIfMatch, readQuery, readWait } from "./read-query.ts";
import { failureResponse } from "./refuse.ts";
import type { Call, Route } from "./route.ts";
import { requireOperator, requireSameOrigin, signIn } from "./sign-in.ts";

/** What the runtime tells about a connection. */
export interface Connection {
  readonly peer?: string;
  /** Aborted when the process stops: nobody is waited for any longer. */
  readonly stopping?: AbortSignal;
}

export interface HttpEnv {
  Bindings: Connection;
  Variables: { requestId: string };
}

/** The handler of a route. */
export function mount(route: Route, ports: Ports, settings: Settings) {
  return async (context: Context<HttpEnv>): Promise<Response> => {
    const requestId = context.get("requestId");
    try {
      return await serve(route, ports, settings, context, requestId);
    } catch (error) {
      return failureResponse(error, route.errors ?? "json-api", requestId, ports.log);
    }
  };
}

async function serve(
  route: Route,
  ports: Ports,
  settings: Settings,
  context: Context<HttpEnv>,
  requestId: string,
): Promise<Response> {
  const request = context.req.raw;
  const url = new URL(request.url);
  const caller = await admit(route, ports, settings, request);
  const params = idsOf(context.req.param());
  const query = readQuery(url, route.query);
  const { value, bytes } = await readBody(request, route.body, params.id);
  const waitMs = readWait(request.headers.get("prefer") ?? undefined);
  const organizationId = caller?.organizationId ?? "";
  const signals = [request.signal, ...(context.env?.stopping ? [context.env.stopping] : [])];
  const waiting = { ports, organizationId, waitMs, signals };
  const work = async (claim: Claim | undefined): Promise<Document | Response> => {
    const call = {
      ports,
      settings,
      params,
      body: value,
      query,
      requestId,
      waitMs,
      ifMatch: readIfMatch(request.headers.get("if-match") ?? undefined),
      request,
      left: AbortSignal.any(signals),
      peer: clientOf(settings, context.env?.peer, request),
      claim,
    };
    const answer = await handle(route, call, caller);
    if (answer.kind === "raw") return answer.response;
    const orgOfAnswer =
      organizationId || (answer.kind === "change" ? (answer.changed.resource?.id ?? "") : "");
    return documentOf(answer, url, { ...waiting, organizationId: orgOfAnswer });
  };
  // Signing in is repeatable by nature, and its cookie could not be replayed.
  if (route.access === "public") return respond(await work(undefined), requestId);
  const who = caller?.memberId ?? "operator";
  const scope = caller?.organizationId ?? "operator";
  const asked = { ports, settings, request, url, bytes, scope, who, waiting };
  return respond(await runOnce(asked, work), requestId);
}

/** What no id of ours looks like is unknown, before anything is asked about it; models have the names that providers give. */
function idsOf(params: Record<string, string>): Record<string, string> {
  const fits = ([name, value]: [string, string]) =>
    name === "model" ? /^[^\p{Cc}]{1,321}$/u.test(value) : /^[A-Za-z0-9_.-]{1,128}$/.test(value);
  if (Object.entries(params).every(fits)) return params;
  throw problem("not_found");
}

async function admit(
  route: Route,
  ports: Ports,
  settings: Settings,
  request: Request,
): Promise<Caller | undefined> {
  if (route.access === "public") {
    if (route.errors !== "gateway") requireSameOrigin(settings, request);
    return undefined;
  }
  if (route.access === "operator") {
    await requireOperator(settings, request);
    return undefined;
  }
  const caller = await signIn(ports, settings, request);
  requireRole(caller, route.access);
  return { ...caller, needs: route.access };
}

function handle(route: Route, call: Call<unknown, unknown>, caller: Caller | undefined) {
  if (route.access === "public" || route.access === "operator") return route.handle(call);
  if (caller === undefined) throw problem("authentication_required");
  return route.handle({ ...call, caller: { ...caller, claim: call.claim } });
}

function respond(done: Document | Response, requestId: string): Response {
  if (done instanceof Response) return done;
  const headers = {
    "content-type": "application/vnd.api+json",
    "cache-control": "no-store",
    ...done.headers,
    "x-request-id": requestId,
  };
  return new Response(JSON.stringify(done.body), { status: done.status, headers });
}

/** A new request id. */
export function makeRequestId(ports: Ports): string {
  return makeId("req", ports.random);
}
