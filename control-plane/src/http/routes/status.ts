import { readMetrics, readStatus } from "../../status/read.ts";
import { openRoute, type Route } from "../route.ts";

export const statusRoutes: readonly Route[] = [
  openRoute({
    method: "GET",
    path: "/api/v1/status",
    summary: "What this control plane can promise right now",
    access: "public",
    body: { kind: "none" },
    handle: async ({ ports }) => ({
      kind: "raw",
      response: Response.json(
        { data: { type: "status", id: "control-plane", attributes: await readStatus(ports) } },
        { headers: { "content-type": "application/vnd.api+json" } },
      ),
    }),
  }),
  openRoute({
    method: "GET",
    path: "/metrics",
    summary: "Counters in the Prometheus text format",
    access: "public",
    body: { kind: "none" },
    handle: async ({ ports }) => ({
      kind: "raw",
      response: new Response(await readMetrics(ports), {
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      }),
    }),
  }),
];
