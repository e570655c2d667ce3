import { problem } from "@claviger/shared/api/problem";
import * as z from "zod";
import { followEvents, type LiveEvent } from "../../events/follow.ts";
import type { Ports } from "../../ports.ts";
import { memberRoute, type Route } from "../route.ts";
import { signIn } from "../sign-in.ts";

/** Streams of one session or token at a time: a browser has six connections to an origin, a script needs one. */
const STREAMS_MAX = 12;
/** How often it is looked whether the session or token still holds, in milliseconds. */
const RECHECK_MS = 15_000;
/** A reader that takes nothing for this long is let go; it comes back with the id that it has. */
const STUCK_MS = 60_000;

const EventQuery = z.strictObject({
  /** As `Last-Event-ID`, for who opens a stream anew and cannot set headers. */
  after: z.string().max(32).optional(),
});
type EventQuery = z.infer<typeof EventQuery>;

const open = new Map<string, number>();

export const eventRoutes: readonly Route[] = [
  memberRoute<undefined, EventQuery>({
    method: "GET",
    path: "/api/v1/events",
    summary: "What happens in the organization, as server-sent events: changes, the fleet, traffic",
    access: "viewer",
    body: { kind: "none" },
    query: EventQuery,
    handle: async ({ ports, settings, caller, query, request, left }) => {
      const { credentialId, organizationId } = caller;
      if ((open.get(credentialId) ?? 0) >= STREAMS_MAX) {
        const detail = `One session or token may hold ${STREAMS_MAX} streams of events at a time.`;
        throw problem("rate_limit_exceeded", detail, { retryAfterSeconds: 5 });
      }
      const since = request.headers.get("last-event-id") ?? query.after;
      const ended = new AbortController();
      const recheck = setInterval(() => {
        signIn(ports, settings, request).catch(() => ended.abort());
      }, RECHECK_MS);
      open.set(credentialId, (open.get(credentialId) ?? 0) + 1);
      const signal = AbortSignal.any([left, ended.signal]);
      const events = followEvents(ports, organizationId, since, signal);
      const body = streamOf(ports, events, ended, () => {
        clearInterval(recheck);
        const others = (open.get(credentialId) ?? 1) - 1;
        if (others > 0) open.set(credentialId, others);
        else open.delete(credentialId);
      });
      const headers = {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        // Proxies that gather answers would keep news until there is a page of it.
        "x-accel-buffering": "no",
      };
      return { kind: "raw", response: new Response(body, { headers }) };
    },
  }),
];

/** Read as fast as its reader takes it: nothing is queued here. */
export function streamOf(
  ports: Pick<Ports, "log">,
  events: AsyncGenerator<LiveEvent>,
  ended: AbortController,
  onOver: () => void,
  stuckMs = STUCK_MS,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stuck: NodeJS.Timeout | undefined;
  let isOver = false;
  const over = () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(stuck);
    ended.abort();
    onOver();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(stuck);
        try {
          const { done, value } = await events.next();
          if (done === true) {
            over();
            controller.close();
            return;
          }
          controller.enqueue(encoder.encode(textOf(value)));
          stuck = setTimeout(() => {
            over();
            // It stands at a yield: unless it is told, it never ends.
            void events.return(undefined);
            controller.error(new Error("the reader of a stream of events takes nothing"));
          }, stuckMs);
        } catch (error) {
          ports.log.warn({ err: error }, "a stream of events broke");
          over();
          controller.error(error);
        }
      },
      async cancel() {
        over();
        await events.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

function textOf({ name, id, data }: LiveEvent): string {
  return `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}
