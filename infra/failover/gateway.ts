/** The following half of a gateway, the real one, over the bus and on a disk in memory: what tests of the past look at. */

import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { createVerify } from "@claviger/shared/wire/sign";
import { enrol, issueEnrolmentToken } from "../../control-plane/src/fleet/enrolment.ts";
import { enrolmentKeys } from "../../control-plane/src/fleet/testing/fake-replica.ts";
import type { Ports } from "../../control-plane/src/ports.ts";
import { createFollower, type RunningFollower } from "../../gateway/src/follow/create-follower.ts";
import { memoryStore } from "../../gateway/src/follow/testing/rig.ts";
import { createNatsCourier } from "../../gateway/src/runtime/node/nats-courier.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface Following {
  readonly follower: RunningFollower;
  stop(): Promise<void>;
}

/** Enrols a replica of a new gateway and lets it follow. */
export async function startFollowing(ports: Ports, orgId: string, name: string): Promise<Following> {
  const keys = enrolmentKeys();
  const token = await ports.db.transaction((tx) =>
    issueEnrolmentToken(tx, ports, { orgId, name, region: "test", replicas: 1 }),
  );
  const enrolled = await enrol(ports, {
    v: 1,
    token: token.secret,
    slot: "0",
    nkey: keys.publicKey,
    sealKey: keys.sealKey,
    runtime: "node",
  });
  const { replicaId: replica, natsUrls: urls, natsJwt: jwt, verificationKeys } = enrolled;
  const seed = new TextDecoder().decode(keys.seed);
  const courier = createNatsCourier({ urls, replica, jwt, seed }, silent);
  const follower = await createFollower({
    identity: { org: orgId, replica, boot: `1.${crypto.randomUUID()}` },
    runtime: "node",
    software: "test",
    clock: { wallMs: () => Date.now(), monoMs: () => performance.now() },
    courier,
    store: memoryStore(),
    verify: await createVerify(verificationKeys),
    log: silent,
    vitals: () => ({
      usage: { nextSeq: 1 },
      audit: { n: 0, head: GENESIS_CHAIN },
      inflight: 0,
      requestsPerSecond: 0,
    }),
    events: {
      audit: async () => undefined,
      query: () => undefined,
      usageCursor: () => undefined,
      dataKeys: () => undefined,
    },
    credentials: () => undefined,
  });
  follower.start();
  return {
    follower,
    async stop() {
      await follower.stop();
      await courier.close();
    },
  };
}
