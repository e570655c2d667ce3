import type { MemberCreate } from "@claviger/shared/api/member";
import { ApiProblem } from "@claviger/shared/api/problem";
import { randomBase62 } from "@claviger/shared/key/base62";
import { and, eq, isNull } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { member } from "../db/tables/member.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { type MemberResource, type MemberRow, memberResource } from "./find.ts";

/** Adds a member. Without a password one is made up and shown once. Only owners make owners. */
export async function createMember(
  ports: Ports,
  caller: Caller,
  input: MemberCreate,
): Promise<Changed<MemberResource>> {
  requireRole(caller, input.role === "owner" ? "owner" : "admin");
  const orgId = caller.organizationId;
  const madeUp = input.password === undefined ? randomBase62(ports.random, 20) : undefined;
  const passwordHash = await ports.passwords.hash(input.password ?? madeUp ?? "");
  return commit(ports, caller, async (tx) => {
    const [taken] = await tx
      .select({ id: member.id })
      .from(member)
      .where(and(eq(member.orgId, orgId), eq(member.email, input.email), isNull(member.deletedAt)));
    if (taken !== undefined) {
      const detail = "There is a member with this e-mail address.";
      throw new ApiProblem([{ code: "name_conflict", detail, pointer: "/data/attributes/email" }]);
    }
    const row: MemberRow = {
      id: newId(ports.random, "mem"),
      orgId,
      email: input.email,
      name: input.name ?? input.email.slice(0, 128),
      role: input.role,
      passwordHash,
      createdAt: new Date(ports.clock.nowMs()),
      revision: await nextRevision(tx, orgId),
      disabledAt: null,
      deletedAt: null,
    };
    await tx.insert(member).values(row);
    return {
      resource: memberResource(row),
      entry: { actor: caller.actor, action: "member.create", effect: "neutral", changes: [], keys: [] },
      ...(madeUp === undefined ? {} : { secretKey: madeUp }),
    };
  });
}
