import type { EnrolmentTokenCreate, EnrolmentTokenView } from "@claviger/shared/api/gateway";
import type { Resource } from "@claviger/shared/api/resource";
import { issueEnrolmentToken } from "../fleet/enrolment.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { requireStill } from "../sessions/recheck.ts";

export interface IssuedEnrolmentToken {
  readonly resource: Resource<EnrolmentTokenView> & { readonly type: "enrolment-token" };
  /** Shown once. */
  readonly secretKey: string;
}

/** A token by which up to 64 replicas of one gateway enrol within 15 minutes; it tells gateways nothing. */
export async function createEnrolmentToken(
  ports: Ports,
  caller: Caller,
  input: EnrolmentTokenCreate,
): Promise<IssuedEnrolmentToken> {
  const { name, region, replicas = 1 } = input;
  const token = await ports.db.transaction(async (tx) => {
    await requireStill(tx, ports, caller);
    return issueEnrolmentToken(tx, ports, { orgId: caller.organizationId, name, region, replicas });
  });
  ports.log.info(
    { org: caller.organizationId, gateway: name, token: token.id, actor: caller.actor.id, replicas },
    "an enrolment token was made",
  );
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
  };
}
