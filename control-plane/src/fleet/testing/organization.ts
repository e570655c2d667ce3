/** Organizations and changes for tests of the fleet; verbs are not needed for them. */
import { buildKey } from "@claviger/shared/testing/records";
import type { Change, KeyRecord } from "@claviger/shared/wire/record";
import { newId } from "../../db/new-id.ts";
import type { Ports } from "../../ports.ts";
import { journaled } from "../journal.ts";
import type { Effect, JournalEntry } from "../journal-types.ts";
import { createFleetOf } from "../organization.ts";
import { random } from "./control-plane.ts";

export const SYSTEM = { kind: "system", id: "system", name: "test" } as const;

/** A new organization with its policy and one project. */
export async function createTestOrganization(ports: Ports): Promise<{ orgId: string; projectId: string }> {
  const orgId = newId(random, "org");
  const projectId = newId(random, "prj");
  await journaled(ports, orgId, async (tx) => {
    await createFleetOf(tx, ports, orgId);
    const changes: Change[] = [
      {
        op: "put",
        kind: "policy",
        id: orgId,
        record: {
          id: orgId,
          enabled: true,
          auditPolicy: "strict",
          defaultMaxOutputTokens: null,
          bodyCapture: false,
          budgetId: null,
        },
      },
      { op: "put", kind: "project", id: projectId, record: { id: projectId, enabled: true, budgetId: null } },
    ];
    const entry: JournalEntry = {
      actor: SYSTEM,
      action: "organization.create",
      effect: "giving",
      changes,
      keys: [],
    };
    return { value: null, entry };
  });
  return { orgId, projectId };
}

export function testKey(projectId: string, change: Partial<KeyRecord> = {}): KeyRecord {
  return buildKey({ id: newId(random, "key"), projectId, hashes: [], ...change });
}

/** Journals the key as it is given; returns the operation. */
export async function putTestKey(ports: Ports, orgId: string, record: KeyRecord, effect: Effect) {
  const { operationId, revision } = await journaled(ports, orgId, async () => ({
    value: null,
    entry: {
      actor: SYSTEM,
      action: effect === "restrictive" ? "api-key.revoke" : "api-key.create",
      effect,
      ...(effect === "restrictive" ? { inflight: "abort" as const } : {}),
      changes: [{ op: "put", kind: "key", id: record.id, record }],
      keys: [record.id],
    },
  }));
  return { operationId: operationId ?? "", revision, rev: Number(revision.split(".")[1]) };
}
