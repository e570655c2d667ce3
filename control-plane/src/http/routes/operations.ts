import { notFound } from "@claviger/shared/api/problem";
import type { Resource } from "@claviger/shared/api/resource";
import type { OperationView } from "@claviger/shared/sync/operation";
import { followOperation, readOperation } from "../../fleet/operations.ts";
import type { Ports } from "../../ports.ts";
import { memberRoute, type Route } from "../route.ts";

/** A comment line this often keeps proxies from closing a stream in which nothing happens. */
const KEEP_ALIVE_MS = 15_000;

export const operationRoutes: readonly Route[] = [
  memberRoute({
    method: "GET",
    path: "/api/v1/operations/:id",
    summary: "How far a change has come; as events with Accept: text/event-stream",
    access: "viewer",
    body: { kind: "none" },
    answers: "operation",
    handle: async ({ ports, caller, params, request }) => {
      const id = params.id ?? "";
      const view = await readOperation(ports, caller.organizationId, id);
      if (view === undefined) throw notFound("operation");
      if (!(request.headers.get("accept") ?? "").includes("text/event-stream")) {
        return { kind: "one", resource: operationResource(view) };
      }
      return { kind: "raw", response: events(ports, caller.organizationId, id, request.signal) };
    },
  }),
];

function operationResource(view: OperationView): Resource<OperationView> {
  return { type: "operation", id: view.id, attributes: view };
}

/** One `operation` event per change of the view, with the same document as the JSON answer; ends when confirmed. */
function events(ports: Ports, orgId: string, id: string, left: AbortSignal): Response {
  const encoder = new TextEncoder();
  const ended = new AbortController();
  const signal = AbortSignal.any([left, ended.signal]);
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const timer = setInterval(() => {
        if (!signal.aborted) controller.enqueue(encoder.encode(": still here\n\n"));
      }, KEEP_ALIVE_MS);
      try {
        for await (const view of followOperation(ports, orgId, id, signal)) {
          if (signal.aborted) return;
          const data = JSON.stringify({ data: operationResource(view) });
          controller.enqueue(encoder.encode(`event: operation\ndata: ${data}\n\n`));
        }
        if (!signal.aborted) controller.close();
      } catch (error) {
        ports.log.warn({ err: error, operation: id }, "a stream of an operation broke");
        if (!signal.aborted) controller.error(error);
      } finally {
        clearInterval(timer);
      }
    },
    cancel: () => ended.abort(),
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" },
  });
}
