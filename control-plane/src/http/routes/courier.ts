/** The HTTPS courier: what replicas call when the bus does not carry them. Same envelopes, served by the same desk. */
import { problem } from "@claviger/shared/api/problem";
import { courierHeaders } from "@claviger/shared/wire/courier-call";
import { courierPaths } from "@claviger/shared/wire/subjects";
import * as z from "zod";
import { createCallers } from "../../fleet/callers.ts";
import { createDesk, type Service } from "../../fleet/desk.ts";
import { createMailbox } from "../../fleet/mailbox.ts";
import type { Sender } from "../../fleet/senders.ts";
import { createWaits } from "../../fleet/waits.ts";
import type { Ports } from "../../ports.ts";
import { takeUsage } from "../../usage/intake.ts";
import { readBytes, readRaw } from "../read-body.ts";
import { failureResponse } from "../refuse.ts";
import { type Call, openRoute, type Route } from "../route.ts";

/** `<epoch>.<revision>` that the replica holds; `0.0` is nothing. */
const WaitQuery = z.strictObject({ revision: z.string().regex(/^[0-9]{1,9}\.[0-9]{1,15}$/) });
type WaitQuery = z.infer<typeof WaitQuery>;

const JWS = "application/jose";
const JSON_TYPE = "application/json";

type Serve = (sender: Sender, bytes: Uint8Array) => Promise<{ type: string; body: string }>;

/** The courier of one process. */
export function courierRoutes(ports: Ports): readonly Route[] {
  const authenticate = createCallers(ports);
  const mailbox = createMailbox(ports);
  const desk = createDesk(ports, takeUsage, mailbox);
  const waits = createWaits(ports, mailbox);

  /** Authenticates, serves, and tells the time whatever the outcome. */
  async function answer(call: Call<unknown, unknown>, serve: Serve) {
    const response = await answered(call, serve).catch((error: unknown) =>
      failureResponse(error, "gateway", call.requestId, ports.log),
    );
    response.headers.set(courierHeaders.time, String(ports.clock.nowMs()));
    response.headers.set("cache-control", "no-store");
    return { kind: "raw", response } as const;
  }

  async function answered({ request }: Call<unknown, unknown>, serve: Serve): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const body = await readBytes(request);
    const content = { method: request.method, target: `${pathname}${search}`, body };
    const sender = await authenticate((name) => request.headers.get(name), content);
    const { type, body: text } = await serve(sender, body);
    return new Response(text, { headers: { "content-type": type } });
  }

  const post = (path: `/${string}`, summary: string, type: string, service: Service): Route =>
    openRoute({
      method: "POST",
      path,
      summary,
      access: "public",
      body: { kind: "raw" },
      errors: "gateway",
      handle: (call) =>
        answer(call, async (sender, bytes) => {
          const body = await service.serve(sender, readRaw(call.request, bytes, service.schema));
          // Only a heartbeat has no answer: the replica is attached, so it is not the process that speaks for it.
          if (body === null) throw problem("replica_conflict");
          return { type, body };
        }),
    });

  return [
    post(courierPaths.heartbeat, "A replica's heartbeat", JWS, desk.heartbeat),
    post(courierPaths.sync, "What comes after a revision", JSON_TYPE, desk.sync),
    post(courierPaths.usage, "A batch of settled requests", JSON_TYPE, desk.usage),
    openRoute({
      method: "GET",
      path: courierPaths.page(":sha256") as `/${string}`,
      summary: "A page of a snapshot",
      access: "public",
      body: { kind: "raw" },
      errors: "gateway",
      handle: (call) =>
        answer(call, async (sender) => {
          const asked = desk.page.schema.safeParse({ sha256: call.params.sha256 });
          const body = asked.success ? await desk.page.serve(sender, asked.data) : null;
          if (body === null) throw problem("not_found", "There is no such page.");
          return { type: JSON_TYPE, body };
        }),
    }),
    openRoute<undefined, WaitQuery>({
      method: "GET",
      path: courierPaths.wait,
      summary: "Held until the organization is past a revision, 25 s at most",
      access: "public",
      body: { kind: "raw" },
      query: WaitQuery,
      errors: "gateway",
      handle: (call) =>
        answer(call, async (sender) => {
          const [epoch = 0, rev = 0] = call.query.revision.split(".").map(Number);
          const poke = await waits.untilPast(sender, { epoch, rev }, call.request.signal);
          return { type: JSON_TYPE, body: JSON.stringify({ poke }) };
        }),
    }),
  ];
}
