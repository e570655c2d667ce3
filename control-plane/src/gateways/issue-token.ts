import type { EnrolmentTokenCreate, EnrolmentTokenView } from "@claviger/shared/api/gateway";
import type { Resource } from "@claviger/shared/api/resource";
import { issueEnrolmentToken } from "../fleet/enrolment.ts";
import { type Changed, commit } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";

export type EnrolmentTokenResource = Resource<EnrolmentTokenView> & { readonly type: "enrolment-token" };

/**
 * A token by which up to 64 replicas of one gateway enrol within 15 minutes. It changes nothing for gateways; its entry
 * is for the audit, which has to say who let them in.
 */
export function createEnrolmentToken(
  ports: Ports,
  caller: Caller,
  input: EnrolmentTokenCreate,
): Promise<Changed<EnrolmentTokenResource>> {
  const { name, region, replicas = 1 } = input;
  return commit(ports, caller, async (tx) => {
    const request = { orgId: caller.organizationId, name, region, replicas };
    const token = await issueEnrolmentToken(tx, ports, request);
    return {
      resource: {
        type: "enrolment-token",
        id: token.id,
        attributes: {
          gatewayId: token.gatewayId,
          name,
          region,
          replicas,
          expiresAt: new Date(token.expiresAtMs).toISOString(),
        },
      },
      secretKey: token.secret,
      entry: {
        actor: caller.actor,
        action: "enrolment-token.create",
        effect: "neutral",
        changes: [],
        keys: [],
      },
    };
  });
}
