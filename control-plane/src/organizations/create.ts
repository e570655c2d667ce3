import type { OrganizationCreate } from "@claviger/shared/api/organization";
import { newId } from "../db/new-id.ts";
import { member } from "../db/tables/member.ts";
import { organization } from "../db/tables/organization.ts";
import { createFleetOf } from "../fleet/organization.ts";
import type { Claim } from "../idempotency/claim.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import { type OrganizationResource, type OrganizationRow, organizationResource, putPolicy } from "./find.ts";

/** Makes a tenant with its first owner and everything that its fleet will need. The operator's verb. */
export async function createOrganization(
  ports: Ports,
  claim: Claim | undefined,
  input: OrganizationCreate,
): Promise<Changed<OrganizationResource>> {
  const orgId = newId(ports.random, "org");
  const passwordHash = await ports.passwords.hash(input.adminPassword);
  return commit(ports, { organizationId: orgId, claim }, async (tx) => {
    await createFleetOf(tx, ports, orgId);
    const createdAt = new Date(ports.clock.nowMs());
    const revision = await nextRevision(tx, orgId);
    const row: OrganizationRow = {
      id: orgId,
      name: input.name,
      enabled: true,
      auditPolicy: "strict",
      defaultMaxOutputTokens: null,
      bodyCapture: false,
      budgetId: null,
      createdAt,
      revision,
    };
    await tx.insert(organization).values(row);
    const owner = {
      id: newId(ports.random, "mem"),
      orgId,
      email: input.adminEmail,
      name: input.adminName ?? input.adminEmail.slice(0, 128),
      role: "owner" as const,
      passwordHash,
      createdAt,
      revision,
    };
    await tx.insert(member).values(owner);
    return {
      resource: await organizationResource(tx, row),
      meta: { adminMemberId: owner.id },
      entry: {
        actor: { kind: "operator", id: "operator", name: "operator" },
        action: "organization.create",
        effect: "giving",
        changes: [putPolicy(row)],
        keys: [],
      },
    };
  });
}
