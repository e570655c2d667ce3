import { Instant } from "@claviger/shared/api/attribute";
import { listQuery, pageParameters } from "@claviger/shared/api/list";
import { ApiProblem } from "@claviger/shared/api/problem";
import { Id } from "@claviger/shared/wire/scalars";
import * as z from "zod";
import { listAudit } from "../../audit/list.ts";
import { listLogs } from "../../logs/list.ts";
import { type Caller, requireRole } from "../../sessions/caller.ts";
import { memberRoute, type Route } from "../route.ts";

const text = z.string().min(1).max(256).optional();

const range = {
  ...pageParameters,
  "filter[key]": Id.optional(),
  /** Id or name. */
  "filter[gateway]": text,
  from: Instant.optional(),
  to: Instant.optional(),
};

const LogQuery = z.strictObject({
  ...range,
  "filter[model]": text,
  "filter[provider]": text,
  "filter[code]": text,
  /** As the log names it; `mcp` for calls of MCP servers. */
  "filter[surface]": text,
  "filter[requestId]": text,
  /** With `filter[requestId]`, for admins: what was said in it, where body capture is on. */
  include: z.literal("bodies").optional(),
});
type LogQuery = z.infer<typeof LogQuery>;

const AuditQuery = z.strictObject({ ...range, "filter[action]": text });
type AuditQuery = z.infer<typeof AuditQuery>;

export const logRoutes: readonly Route[] = [
  memberRoute<undefined, LogQuery>({
    method: "GET",
    path: "/api/v1/logs",
    summary: "Requests as the gateways logged them, asked of them live",
    access: "viewer",
    body: { kind: "none" },
    query: LogQuery,
    handle: async ({ ports, caller, query }) => {
      const list = await listLogs(ports, caller, {
        ...common(query),
        model: query["filter[model]"],
        provider: query["filter[provider]"],
        code: query["filter[code]"],
        surface: query["filter[surface]"],
        requestId: query["filter[requestId]"],
        ...(wantsBodies(caller, query) ? { bodies: true } : {}),
      });
      return { kind: "list", ...list };
    },
  }),
  memberRoute<undefined, AuditQuery>({
    method: "GET",
    path: "/api/v1/audit",
    summary: "Changes and admitted requests as the gateways chained them, asked of them live",
    access: "viewer",
    body: { kind: "none" },
    query: AuditQuery,
    handle: async ({ ports, caller, query }) => {
      const list = await listAudit(ports, caller, { ...common(query), action: query["filter[action]"] });
      return { kind: "list", ...list };
    },
  }),
];

/** Prompts and answers are for admins, and of one request at a time. */
function wantsBodies(caller: Caller, query: LogQuery): boolean {
  if (query.include === undefined) return false;
  requireRole(caller, "admin");
  if (query["filter[requestId]"] === undefined) {
    const detail = "Bodies are of one request: name it with filter[requestId].";
    throw new ApiProblem([{ code: "invalid_value", detail, parameter: "include" }]);
  }
  return true;
}

function common(query: LogQuery | AuditQuery) {
  return {
    ...listQuery(query),
    keyId: query["filter[key]"],
    gateway: query["filter[gateway]"],
    fromMs: query.from?.getTime(),
    toMs: query.to?.getTime(),
  };
}
