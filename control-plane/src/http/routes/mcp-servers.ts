import { ListParameters, listQuery, pageParameters } from "@claviger/shared/api/list";
import {
  McpDiscover,
  McpServerCreate,
  McpServerEdit,
  type McpToolState,
  McpToolsAccept,
  McpToolsReject,
  mcpToolStates,
} from "@claviger/shared/api/mcp-server";
import { McpOfferKind } from "@claviger/shared/wire/record";
import { Id } from "@claviger/shared/wire/scalars";
import * as z from "zod";
import { createMcpServer } from "../../mcp-servers/create.ts";
import { acceptTools, rejectTools } from "../../mcp-servers/decide-tools.ts";
import { deleteMcpServer } from "../../mcp-servers/delete.ts";
import { discoverMcpServer } from "../../mcp-servers/discover.ts";
import { editMcpServer } from "../../mcp-servers/edit.ts";
import { readImpact } from "../../mcp-servers/impact.ts";
import { listMcpServers, readMcpServer } from "../../mcp-servers/list.ts";
import { listTools } from "../../mcp-servers/list-tools.ts";
import { changed, created, listed, read } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const answers = "mcp-server";
const none = { kind: "none" } as const;
const collection = "/api/v1/mcp-servers";
const item = `${collection}/:id` as const;

const ServerQuery = z.strictObject({ ...ListParameters.shape, "filter[project]": Id.optional() });
type ServerQuery = z.infer<typeof ServerQuery>;

/** One state, or several with commas between them; `pending` is what is new or has changed. */
const States = z
  .string()
  .max(64)
  .transform((text) =>
    text.split(",").flatMap((state) => (state === "pending" ? ["new", "changed"] : [state])),
  )
  .refine(
    (states): states is McpToolState[] =>
      states.every((state) => (mcpToolStates as readonly string[]).includes(state)),
    `must be of pending, ${mcpToolStates.join(", ")}`,
  );

const ToolQuery = z.strictObject({
  ...pageParameters,
  "filter[state]": States.optional(),
  "filter[kind]": McpOfferKind.optional(),
});
type ToolQuery = z.infer<typeof ToolQuery>;

const target = (params: Readonly<Record<string, string>>) => ({ id: params.id ?? "" });

export const mcpServerRoutes: readonly Route[] = [
  memberRoute({
    method: "POST",
    path: collection,
    summary: "Register an MCP server (Streamable HTTP)",
    access: "admin",
    body: { kind: "resource", type: answers, attributes: McpServerCreate },
    answers,
    handle: async ({ ports, settings, caller, body }) =>
      created(await createMcpServer(ports, settings, caller, body)),
  }),
  memberRoute<undefined, ServerQuery>({
    method: "GET",
    path: collection,
    summary: "List MCP servers with the tools that keys may be given",
    access: "viewer",
    body: none,
    query: ServerQuery,
    answers,
    handle: async ({ ports, caller, query }) =>
      listed(await listMcpServers(ports, caller, { ...listQuery(query), project: query["filter[project]"] })),
  }),
  memberRoute({
    method: "GET",
    path: item,
    summary: "Read an MCP server; its credential is never shown",
    access: "viewer",
    body: none,
    answers,
    handle: async ({ ports, caller, params }) => read(await readMcpServer(ports, caller, target(params))),
  }),
  memberRoute({
    method: "PATCH",
    path: item,
    summary: "Edit an MCP server",
    access: "admin",
    body: { kind: "resource", type: answers, attributes: McpServerEdit },
    answers,
    handle: async ({ ports, settings, caller, params, body, ifMatch }) =>
      changed(await editMcpServer(ports, settings, caller, { ...target(params), ifMatch }, body)),
  }),
  memberRoute({
    method: "DELETE",
    path: item,
    summary: "Stop every call of it, and end those in flight",
    access: "admin",
    body: { kind: "plain", schema: z.strictObject({}) },
    answers,
    handle: async ({ ports, caller, params }) =>
      changed(await deleteMcpServer(ports, caller, target(params))),
  }),
  memberRoute({
    method: "GET",
    path: `${item}/impact`,
    summary: "What would stop if it were deleted: API keys that may use it",
    access: "viewer",
    body: none,
    handle: async ({ ports, caller, params }) => ({
      kind: "one",
      resource: null,
      meta: { impact: await readImpact(ports, caller, target(params)) },
    }),
  }),
  ...toolRoutes(),
];

/** What a server offers, and what is decided about it. */
function toolRoutes(): Route[] {
  return [
    memberRoute({
      method: "POST",
      path: `${item}/discover`,
      summary:
        "Have a gateway ask the server what it offers; what is new or has changed waits to be accepted",
      access: "admin",
      body: { kind: "plain", schema: McpDiscover },
      answers,
      handle: async ({ ports, caller, params, body }) =>
        changed(await discoverMcpServer(ports, caller, target(params), body.gateway)),
    }),
    memberRoute<undefined, ToolQuery>({
      method: "GET",
      path: `${item}/tools`,
      summary: "Tools, prompts, resources and templates: as they are offered, and as they were accepted",
      access: "viewer",
      body: none,
      query: ToolQuery,
      answers: "mcp-tool",
      handle: async ({ ports, caller, params, query }) => {
        const page = await listTools(ports, caller, params.id ?? "", {
          ...listQuery(query),
          states: query["filter[state]"],
          kind: query["filter[kind]"],
        });
        const { resources, next, total, counts } = page;
        return { kind: "list", resources, next, meta: { total, counts } };
      },
    }),
    memberRoute({
      method: "POST",
      path: `${item}/tools/accept`,
      summary: "Accept tools as they are offered now",
      access: "admin",
      body: { kind: "plain", schema: McpToolsAccept },
      answers,
      handle: async ({ ports, caller, params, body, ifMatch }) =>
        changed(await acceptTools(ports, caller, { ...target(params), ifMatch }, body)),
    }),
    memberRoute({
      method: "POST",
      path: `${item}/tools/reject`,
      summary: "Refuse tools, whatever they say from now on",
      access: "admin",
      body: { kind: "plain", schema: McpToolsReject },
      answers,
      handle: async ({ ports, caller, params, body, ifMatch }) =>
        changed(await rejectTools(ports, caller, { ...target(params), ifMatch }, body)),
    }),
  ];
}
