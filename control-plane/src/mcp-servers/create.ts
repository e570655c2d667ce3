import type { McpServerCreate } from "@claviger/shared/api/mcp-server";
import { ApiProblem, invalidAttribute, problem } from "@claviger/shared/api/problem";
import { and, eq, inArray, isNull } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { mcpServer } from "../db/tables/mcp-server.ts";
import { project } from "../db/tables/project.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { Settings } from "../settings.ts";
import { keepCredential, NO_CREDENTIAL } from "./credential.ts";
import { type McpServerResource, type McpServerRow, mcpServerResource } from "./find.ts";
import { putMcpServer, recordOf } from "./push.ts";
import { readServerUrl } from "./url.ts";

const SERVERS_MAX = 200;

/** Registers an MCP server. What it offers is not known yet, and nothing of it accepted unless everything is. */
export function createMcpServer(
  ports: Ports,
  settings: Settings,
  caller: Caller,
  input: McpServerCreate,
): Promise<Changed<McpServerResource>> {
  const orgId = caller.organizationId;
  const { url, host } = readServerUrl(input.url, settings.egressAllow);
  return commit(ports, caller, async (tx) => {
    await requireRoom(tx, orgId);
    await requireFreeName(tx, orgId, input.name);
    await requireProjects(tx, orgId, input.projectIds);
    const id = newId(ports.random, "mcp");
    const row: McpServerRow = {
      ...(await keepCredential(tx, ports, { orgId, id, host }, NO_CREDENTIAL, input)),
      id,
      orgId,
      name: input.name,
      url,
      projectIds: input.projectIds ?? null,
      enabled: input.enabled ?? true,
      newOffers: input.newTools ?? "pending",
      discovery: null,
      createdAt: new Date(ports.clock.nowMs()),
      revision: await nextRevision(tx, orgId),
    };
    await tx.insert(mcpServer).values(row);
    return {
      resource: mcpServerResource(row, undefined),
      entry: {
        actor: caller.actor,
        action: "mcp-server.create",
        effect: "giving",
        changes: putMcpServer(await recordOf(tx, row), row.sealed),
        keys: "all",
      },
    };
  });
}

async function requireRoom(tx: Tx, orgId: string): Promise<void> {
  if ((await tx.$count(mcpServer, eq(mcpServer.orgId, orgId))) < SERVERS_MAX) return;
  throw problem("state_conflict", `The organization has ${SERVERS_MAX} MCP servers, as many as it takes.`);
}

async function requireFreeName(tx: Tx, orgId: string, name: string): Promise<void> {
  const taken = await tx.$count(mcpServer, and(eq(mcpServer.orgId, orgId), eq(mcpServer.name, name)));
  if (taken === 0) return;
  const detail = `There is an MCP server named ${name} already.`;
  throw new ApiProblem([{ code: "name_conflict", detail, pointer: "/data/attributes/name" }]);
}

/** Every project is one of this organization and still there. */
export async function requireProjects(
  tx: Tx,
  orgId: string,
  ids: readonly string[] | null | undefined,
): Promise<void> {
  if (!ids) return;
  const mine = and(eq(project.orgId, orgId), isNull(project.deletedAt), inArray(project.id, [...ids]));
  if ((await tx.$count(project, mine)) === ids.length) return;
  throw invalidAttribute("projectIds", "projectIds must name projects of this organization.");
}
