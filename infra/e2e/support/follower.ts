/** The real following of a Node gateway without its data plane: identity, couriers and state of its own, nobody served. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCouriers } from "@claviger/gateway/courier/couriers";
import { HttpsCourier } from "@claviger/gateway/courier/https-courier";
import { createFollower, type RunningFollower } from "@claviger/gateway/follow/create-follower";
import { ensureEnrolled } from "@claviger/gateway/identity/enrol";
import { startAgain } from "@claviger/gateway/identity/keeper";
import type { Clock, Log } from "@claviger/gateway/ports";
import { createIdentityFile } from "@claviger/gateway/runtime/node/identity";
import { createNatsCourier } from "@claviger/gateway/runtime/node/nats-courier";
import { signerOf } from "@claviger/gateway/runtime/node/nkey";
import { createStateStore } from "@claviger/gateway/runtime/node/state-store";
import { bootOf } from "@claviger/shared/sync/boot";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { createVerify } from "@claviger/shared/wire/sign";
import type { World } from "./world.ts";

const MASTER_KEY = new Uint8Array(32).fill(9);
const SLOT = "0";
const TOKENS_MAX = 64;
const clock: Clock = { wallMs: () => Date.now(), monoMs: () => performance.now() };
const log: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A place on disk where a follower runs; it enrols at its first start and is the same replica at every further one. */
export interface FollowerHome {
  readonly folder: string;
  /** Whoever starts next holds nothing. */
  forgetState(): void;
}

export interface Following {
  readonly follower: RunningFollower;
  stop(): Promise<void>;
}

/** Places for `count` replicas of gateways of their own, with their enrolment tokens. */
export async function makeHomes(world: World, count: number): Promise<(FollowerHome & { token: string })[]> {
  const homes: (FollowerHome & { token: string })[] = [];
  for (let n = 0; homes.length < count; n += 1) {
    const replicas = Math.min(TOKENS_MAX, count - homes.length);
    const asked = { name: `followers-${n}`, region: "test", replicas };
    const answer = await world.admin.call("POST", "/gateways/enrolment-tokens", asked);
    const token = (answer.json as { meta?: { secretKey?: string } } | undefined)?.meta?.secretKey;
    if (token === undefined) throw new Error(`no enrolment token: ${answer.status} ${answer.text}`);
    for (let i = 0; i < replicas; i += 1) homes.push({ ...makeHome(), token });
  }
  return homes;
}

function makeHome(): FollowerHome {
  const folder = mkdtempSync(join(tmpdir(), "claviger-follower-"));
  return {
    folder,
    forgetState() {
      for (const file of readdirSync(folder)) if (/^state[.-]/.test(file)) rmSync(join(folder, file));
    },
  };
}

/** Starts what lives there; it loads its state, connects by its own connections, and follows. */
export async function startFollowing(
  { folder, token }: FollowerHome & { token: string },
  controlPlaneUrl: string,
): Promise<Following> {
  const file = createIdentityFile(folder, MASTER_KEY, SLOT);
  const runtime = "node" as const;
  const settings = {
    controlPlaneUrl,
    enrolmentToken: token,
    publicUrl: undefined,
    slot: SLOT,
    folder,
    runtime,
  };
  const identity = await startAgain(file, await ensureEnrolled(file, settings, log));
  const { nkey, nkeySeed: seed, starts, enrolled } = identity;
  const { natsUrls: urls, replicaId: replica, natsJwt: jwt } = enrolled;
  const courier = createCouriers(
    createNatsCourier({ urls, replica, jwt, seed }, log),
    new HttpsCourier({ controlPlaneUrl, nkey, sign: signerOf(seed), wallMs: clock.wallMs }),
    log,
  );
  const store = createStateStore(folder, MASTER_KEY, replica);
  const follower = await createFollower({
    identity: { org: enrolled.organizationId, replica, boot: bootOf(starts, crypto.randomUUID()) },
    runtime,
    software: "follower",
    clock,
    courier,
    store,
    verify: await createVerify(enrolled.verificationKeys),
    log,
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
      detached: () => undefined,
    },
    credentials: () => undefined,
  });
  follower.start();
  return {
    follower,
    async stop() {
      await follower.stop();
      await courier.close();
      await store.close();
    },
  };
}
