/** A replica that speaks the protocol over a bus connection of its own, and does only what a test tells it to. */
import { generateKeyPairSync } from "node:crypto";
import { nextChain } from "@claviger/shared/wire/chain";
import { Delta } from "@claviger/shared/wire/delta";
import type { EnrolAnswer } from "@claviger/shared/wire/enrol";
import { EpochMessage } from "@claviger/shared/wire/epoch";
import { Fresh, type Heartbeat, SyncAnswer } from "@claviger/shared/wire/heartbeat";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { claimsEpoch, createVerify, type Verify } from "@claviger/shared/wire/sign";
import { Snapshot } from "@claviger/shared/wire/snapshot";
import { replicaSubjects } from "@claviger/shared/wire/subjects";
import { jwtAuthenticator, type NatsConnection, TimeoutError } from "@nats-io/nats-core";
import { createUser } from "@nats-io/nkeys";
import { connect } from "@nats-io/transport-node";
import type { Ports } from "../../ports.ts";
import { enrol, issueEnrolmentToken } from "../enrolment.ts";
import { random } from "./control-plane.ts";

const SECONDS_MAX = 10;
const ANSWER_WITHIN_MS = 3_000;
/** What a replica does: a question whose answer is lost (the bus reconnects, a machine pauses) is asked again. */
const ASKED_MAX = 10;

export interface FakeReplica {
  readonly id: string;
  readonly answer: EnrolAnswer;
  readonly connection: NatsConnection;
  readonly user: { publicKey: string; seed: Uint8Array };
  readonly sealPrivateKey: object;
  /** What it holds. */
  held: { epoch: number; rev: number; chain: string; deltas: Delta[] };
  /** While true it applies each pushed delta and confirms it by a heartbeat at once. */
  following: boolean;
  /** A heartbeat of what it holds (with these changes), as it would be sent. */
  heartbeat(change?: Partial<Heartbeat>): string;
  /** Sends a heartbeat of what it holds (with these changes) and returns the verified answer. `times: 1`: once only. */
  beat(change?: Partial<Heartbeat>, times?: number): Promise<Fresh>;
  /** Takes what it lacks by sync. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}

/** Enrols a replica of the gateway and connects it; it holds nothing yet. */
export async function startFakeReplica(ports: Ports, orgId: string, name: string): Promise<FakeReplica> {
  const token = await ports.db.transaction((tx) =>
    issueEnrolmentToken(tx, ports, { orgId, name, region: "test", replicas: 1 }),
  );
  return enrolFakeReplica(ports, token.secret);
}

export function enrolmentKeys() {
  const user = createUser();
  const seal = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  return {
    publicKey: user.getPublicKey(),
    seed: user.getSeed(),
    sealKey: String(seal.x),
    sealPrivateKey: seal,
  };
}

export async function enrolFakeReplica(ports: Ports, token: string): Promise<FakeReplica> {
  const keys = enrolmentKeys();
  const answer = await enrol(ports, {
    v: 1,
    token,
    slot: "0",
    nkey: keys.publicKey,
    sealKey: keys.sealKey,
    runtime: "node",
  });
  return connectFakeReplica(answer, keys);
}

export async function connectFakeReplica(
  answer: EnrolAnswer,
  keys: ReturnType<typeof enrolmentKeys>,
): Promise<FakeReplica> {
  const id = answer.replicaId;
  const connection = await connect({
    servers: answer.natsUrls,
    authenticator: jwtAuthenticator(answer.natsJwt, keys.seed),
    inboxPrefix: `_INBOX.${id}`,
    name: id,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    ignoreAuthErrorAbort: true,
    waitOnFirstConnect: true,
  });
  const verify = await createVerify(answer.verificationKeys);
  const boot = `1.${Buffer.from(random(9)).toString("base64url")}`;
  const replica: FakeReplica = {
    id,
    answer,
    connection,
    user: keys,
    sealPrivateKey: keys.sealPrivateKey,
    held: { epoch: 0, rev: 0, chain: GENESIS_CHAIN, deltas: [] },
    following: true,
    heartbeat(change = {}) {
      const nonce = Buffer.from(random(9)).toString("base64url");
      return JSON.stringify({ ...idle(replica, boot, nonce), ...change });
    },
    async beat(change = {}, times = ASKED_MAX) {
      let nonce = "";
      const message = await asked(connection, replicaSubjects.heartbeat(id), times, () => {
        nonce = Buffer.from(random(9)).toString("base64url");
        return JSON.stringify({ ...idle(replica, boot, nonce), ...change } satisfies Heartbeat);
      });
      const payload = await verify("clv-fresh+jws", message.string());
      if (payload === undefined) throw new Error("the answer to a heartbeat is not authentic");
      const fresh = Fresh.parse(JSON.parse(Buffer.from(payload).toString()));
      if (fresh.nonce !== (change.nonce ?? nonce)) throw new Error("the answer is to another heartbeat");
      return fresh;
    },
    async catchUp() {
      for (let round = 0; round < SECONDS_MAX; round++) {
        if (!(await syncOnce(replica, verify))) return;
      }
      throw new Error("sync did not come to an end");
    },
    close: () => connection.close(),
  };
  connection.subscribe(replicaSubjects.deltas, {
    callback: (_error, message) => {
      // Whoever waits for the confirmation sees that it did not come.
      follow(replica, verify, message.string()).catch(() => undefined);
    },
  });
  await connection.flush();
  return replica;
}

/** Asks up to that many times, each time with a body of its own. */
async function asked(connection: NatsConnection, subject: string, times: number, body: () => string) {
  for (let time = 1; ; time++) {
    try {
      return await connection.request(subject, body(), { timeout: ANSWER_WITHIN_MS });
    } catch (error) {
      if (time >= times || !(error instanceof TimeoutError)) throw error;
    }
  }
}

function idle(replica: FakeReplica, boot: string, nonce: string): Heartbeat {
  return {
    v: 1,
    replica: replica.id,
    boot,
    nonce,
    software: "fake",
    runtime: "node",
    wallMs: Date.now(),
    epoch: replica.held.epoch,
    revApplied: replica.held.rev,
    revEffective: replica.held.rev,
    chain: replica.held.chain,
    usage: { nextSeq: 1 },
    audit: { n: 0, head: GENESIS_CHAIN },
    inflight: 0,
    requestsPerSecond: 0,
    aborted: [],
    clockOffsetMs: 0,
    clockErrorMs: 1,
  };
}

async function follow(replica: FakeReplica, verify: Verify, jws: string): Promise<void> {
  if (!replica.following) return;
  if (await apply(replica, verify, jws)) await replica.beat();
}

/** True when it was the next one. */
async function apply(replica: FakeReplica, verify: Verify, jws: string): Promise<boolean> {
  if (claimsEpoch(jws)) return adopt(replica, verify, jws);
  const payload = await verify("clv-delta+jws", jws);
  if (payload === undefined) throw new Error("a delta is not authentic");
  const delta = Delta.parse(JSON.parse(Buffer.from(payload).toString()));
  const { held } = replica;
  if (delta.epoch !== held.epoch || delta.rev !== held.rev + 1) return false;
  if (delta.prev !== held.chain) throw new Error("a delta does not continue the chain");
  replica.held = {
    epoch: delta.epoch,
    rev: delta.rev,
    chain: await nextChain(held.chain, payload),
    deltas: [...held.deltas, delta],
  };
  return true;
}

async function adopt(replica: FakeReplica, verify: Verify, jws: string): Promise<boolean> {
  const payload = await verify("clv-epoch+jws", jws);
  if (payload === undefined) throw new Error("an epoch message is not authentic");
  const { epoch, continues, rev, chain } = EpochMessage.parse(JSON.parse(Buffer.from(payload).toString()));
  const { held } = replica;
  if (continues !== held.epoch || rev !== held.rev || chain !== held.chain) return false;
  replica.held = { ...held, epoch };
  return true;
}

async function syncOnce(replica: FakeReplica, verify: Verify): Promise<boolean> {
  const { epoch, rev, chain } = replica.held;
  const request = JSON.stringify({ v: 1, epoch, from: rev, chain });
  const subject = replicaSubjects.sync(replica.id);
  const message = await asked(replica.connection, subject, ASKED_MAX, () => request);
  const answer = SyncAnswer.parse(message.json());
  if ("deltas" in answer) {
    for (const jws of answer.deltas) await apply(replica, verify, jws);
    return answer.more;
  }
  const payload = await verify("clv-snap+jws", answer.snapshot);
  if (payload === undefined) throw new Error("a snapshot is not authentic");
  const snapshot = Snapshot.parse(JSON.parse(Buffer.from(payload).toString()));
  replica.held = { epoch: snapshot.epoch, rev: snapshot.rev, chain: snapshot.chain, deltas: [] };
  return true;
}
