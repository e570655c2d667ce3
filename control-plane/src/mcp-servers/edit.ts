import type { McpServerEdit } from "@claviger/shared/api/mcp-server";
import { effectOfServer } from "@claviger/shared/decide/mcp-server";
import type { Change } from "@claviger/shared/wire/record";
import { eq } from "drizzle-orm";
import { mcpServer } from "../db/tables/mcp-server.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { Settings } from "../settings.ts";
import { requireProjects } from "./create.ts";
import { keepCredential } from "./credential.ts";
import {
  findMcpServer,
  type McpServerResource,
  type McpServerRow,
  type McpServerTarget,
  readResource,
} from "./find.ts";
import { putMcpServer, recordOf } from "./push.ts";
import { readServerUrl } from "./url.ts";

/**
 * Changes a server; a new credential becomes the next version. What is in flight goes on, but for calls of a server that is
 * disabled.
 */
export function editMcpServer(
  ports: Ports,
  settings: Settings,
  caller: Caller,
  target: McpServerTarget,
  input: McpServerEdit,
): Promise<Changed<McpServerResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const before = await findMcpServer(tx, orgId, target.id);
    await requireUnchanged(target.ifMatch, before.revision, async () => ({
      resource: await readResource(tx, before),
    }));
    await requireProjects(tx, orgId, input.projectIds);
    const { url, host } = readServerUrl(input.url ?? before.url, settings.egressAllow);
    const row: McpServerRow = {
      ...before,
      ...(await keepCredential(tx, ports, { orgId, id: before.id, host }, before, input)),
      url,
      projectIds: input.projectIds === undefined ? before.projectIds : input.projectIds,
      enabled: input.enabled ?? before.enabled,
      newOffers: input.newTools ?? before.newOffers,
      revision: await nextRevision(tx, orgId),
    };
    const was = await recordOf(tx, before);
    const is = await recordOf(tx, row);
    await tx.update(mcpServer).set(row).where(eq(mcpServer.id, row.id));
    return {
      resource: await readResource(tx, row),
      entry: {
        actor: caller.actor,
        action: "mcp-server.edit",
        effect: effectOfServer(was, is),
        inflight: before.enabled && !row.enabled ? "abort" : "drain",
        changes: [...secretGone(before, row), ...putMcpServer(is, row.sealed)],
        keys: "all",
      },
    };
  });
}

function secretGone(before: McpServerRow, { id, sealed }: McpServerRow): Change[] {
  return before.sealed !== null && sealed === null ? [{ op: "del", kind: "secret", id }] : [];
}
