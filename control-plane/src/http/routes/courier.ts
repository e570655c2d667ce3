/** The HTTPS courier: what replicas call when the bus does not carry them. Same envelopes, served by the same desk. */
import { ApiProblem, problem } from "@claviger/shared/api/problem";
import { courierHeaders, DETACHED_HEADER } from "@claviger/shared/wire/courier-call";
import { courierPaths } from "@claviger/shared/wire/subjects";
import * as z from "zod";
import { type Authenticate, createCallers, DetachedCall } from "../../fleet/callers.ts";
import { createDesk, type Service } from "../../fleet/desk.ts";
import { createMailbox } from "../../fleet/mailbox.ts";
import { countRefusal } from "../../fleet/refusals.ts";
import type { Sender } from "../../fleet/senders.ts";
import { createWaits } from "../../fleet/waits.ts";
import type { Ports } from "../../ports.ts";
import { takeUsage } from "../../usage/intake.ts";
import { readBytes, readRaw } from "../read-body.ts";
import { failureResponse } from "../refuse.ts";
import { type Answer, type Call, openRoute, type Route } from "../route.ts";

/** `<epoch>.<revision>` that the replica holds; `0.0` is nothing. */
const WaitQuery = z.strictObject({ revision: z.string().regex(/^[0-9]{1,9}\.[0-9]{1,15}$/) });
type WaitQuery = z.infer<typeof WaitQuery>;

const JWS = "application/jose";
const JSON_TYPE = "application/json";

type AnyCall = Call<unknown, unknown>;

/** Serves one authenticated call; the body of its answer. */
type Serve = (sender: Sender, bytes: Uint8Array) => Promise<string>;

/** Authenticates, serves, and tells the time whatever the outcome. */
type Respond = (call: AnyCall, type: string, serve: Serve) => Promise<Answer>;

/** What the courier's routes have in common. */
const COMMON = { access: "public", body: { kind: "raw" }, errors: "gateway" } as const;

/** The courier of one process; only a test that shows what the check is for brings another `authenticate`. */
export function courierRoutes(
  ports: Ports,
  authenticate: Authenticate = createCallers(ports),
): readonly Route[] {
  const respond = createRespond(ports, authenticate);
  const mailbox = createMailbox(ports);
  const desk = createDesk(ports, takeUsage, mailbox);
  const waits = createWaits(ports, mailbox);
  return [
    post(respond, courierPaths.heartbeat, "A replica's heartbeat", JWS, desk.heartbeat),
    post(respond, courierPaths.sync, "What comes after a revision", JSON_TYPE, desk.sync),
    post(respond, courierPaths.usage, "A batch of settled requests", JSON_TYPE, desk.usage),
    post(respond, courierPaths.escrow, "A question for a part of a budget", JSON_TYPE, desk.escrow),
    openRoute({
      ...COMMON,
      method: "GET",
      path: courierPaths.page(":sha256") as `/${string}`,
      summary: "A page of a snapshot",
      handle: (call) =>
        respond(call, JSON_TYPE, (sender) => servePage(desk.page, sender, call.params.sha256)),
    }),
    openRoute<undefined, WaitQuery>({
      ...COMMON,
      method: "GET",
      path: courierPaths.wait,
      summary: "Held until the organization is past a revision, 25 s at most",
      query: WaitQuery,
      handle: (call) =>
        respond(call, JSON_TYPE, async (sender) => {
          const [epoch = 0, rev = 0] = call.query.revision.split(".").map(Number);
          const poke = await waits.untilPast(sender, { epoch, rev }, call.request.signal);
          return JSON.stringify({ poke });
        }),
    }),
  ];
}

function createRespond(ports: Ports, authenticate: Authenticate): Respond {
  async function answered({ request }: AnyCall, type: string, serve: Serve): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const body = await readBytes(request);
    const content = { method: request.method, target: `${pathname}${search}`, body };
    const sender = await authenticate((name) => request.headers.get(name), content);
    return new Response(await serve(sender, body), { headers: { "content-type": type } });
  }
  return async (call, type, serve) => {
    const response = await answered(call, type, serve).catch((error: unknown) => {
      const detached = error instanceof DetachedCall ? error : undefined;
      const shown = detached === undefined ? error : problem("invalid_replica");
      countRefusal(ports, "https", shown instanceof ApiProblem ? shown.code : "failed");
      const refusal = failureResponse(shown, "gateway", call.requestId, ports.log);
      if (detached !== undefined) refusal.headers.set(DETACHED_HEADER, detached.statement);
      return refusal;
    });
    response.headers.set(courierHeaders.time, String(ports.clock.nowMs()));
    response.headers.set("cache-control", "no-store");
    return { kind: "raw", response };
  };
}

function post(respond: Respond, path: `/${string}`, summary: string, type: string, service: Service): Route {
  return openRoute({
    ...COMMON,
    method: "POST",
    path,
    summary,
    handle: (call) =>
      respond(call, type, async (sender, bytes) => {
        const answer = await service.serve(sender, readRaw(call.request, bytes, service.schema));
        // Only a heartbeat and a question for money have no answer: the replica is attached, so it is not the process that speaks for it.
        if (answer === null) throw problem("replica_conflict");
        return answer;
      }),
  });
}

async function servePage(pages: Service, sender: Sender, sha256: string | undefined): Promise<string> {
  const asked = pages.schema.safeParse({ sha256 });
  const page = asked.success ? await pages.serve(sender, asked.data) : null;
  if (page === null) throw problem("not_found", "There is no such page.");
  return page;
}
