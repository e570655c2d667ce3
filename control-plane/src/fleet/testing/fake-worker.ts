/** A Worker's Durable Object that sleeps: no bus, no heartbeats of its own; it answers when it is knocked at. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { nextChain } from "@claviger/shared/wire/chain";
import { signCourierCall } from "@claviger/shared/wire/courier-call";
import { Delta } from "@claviger/shared/wire/delta";
import { Fresh, type Heartbeat } from "@claviger/shared/wire/heartbeat";
import { KNOCK_PATH, Knock } from "@claviger/shared/wire/knock";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { createVerify, type Verify } from "@claviger/shared/wire/sign";
import { courierPaths } from "@claviger/shared/wire/subjects";
import { fromSeed } from "@nats-io/nkeys";
import type { Ports } from "../../ports.ts";
import { enrol, issueEnrolmentToken } from "../enrolment.ts";
import { createHeartbeatIntake } from "../heartbeat.ts";
import { random } from "./control-plane.ts";
import { enrolmentKeys } from "./fake-replica.ts";

export interface FakeWorker {
  readonly id: string;
  /** `127.0.0.1:port` */
  readonly host: string;
  held: { epoch: number; rev: number; chain: string };
  readonly knocks: Knock[];
  readonly deltas: Delta[];
  /** Signs its answers; another one's makes it an impostor. */
  signer: { publicKey: string; seed: Uint8Array };
  /** What becomes of its answer; replaced by tests. */
  reply: (response: ServerResponse, answer: { headers: Record<string, string>; body: string }) => void;
  /** Applies what a knock carries; while false it answers, and holds what it held. */
  listening: boolean;
  close(): Promise<void>;
}

/** Enrols it behind `path` of an address of this machine, and lets it start with what the organization has now. */
export async function startFakeWorker(ports: Ports, orgId: string, name: string): Promise<FakeWorker> {
  const server = createServer((request, response) => void answer(worker, verify, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = enrolmentKeys();
  const token = await ports.db.transaction((tx) =>
    issueEnrolmentToken(tx, ports, { orgId, name, region: "edge", replicas: 1 }),
  );
  const enrolled = await enrol(ports, {
    v: 1,
    token: token.secret,
    slot: "0",
    nkey: keys.publicKey,
    sealKey: keys.sealKey,
    runtime: "workers",
    publicUrl: `http://${host}/edge/`,
  });
  const verify = await createVerify(enrolled.verificationKeys);
  const worker: FakeWorker = {
    id: enrolled.replicaId,
    host,
    held: { epoch: 0, rev: 0, chain: GENESIS_CHAIN },
    knocks: [],
    deltas: [],
    signer: keys,
    reply: (response, { headers, body }) => void response.writeHead(200, headers).end(body),
    listening: true,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const first = await createHeartbeatIntake(ports)(orgId, {
    replicaId: worker.id,
    heartbeat: heartbeatOf(worker),
  });
  const { epoch, asOf, chain } = await contentOf(verify, first ?? "");
  worker.held = { epoch, rev: asOf, chain };
  await createHeartbeatIntake(ports)(orgId, { replicaId: worker.id, heartbeat: heartbeatOf(worker) });
  return worker;
}

async function answer(
  worker: FakeWorker,
  verify: Verify,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (request.method !== "POST" || request.url !== `/edge${KNOCK_PATH}`) {
    response.writeHead(404).end();
    return;
  }
  const knock = Knock.parse(JSON.parse(Buffer.concat(chunks).toString()));
  worker.knocks.push(knock);
  const fresh = knock.fresh === undefined ? undefined : await contentOf(verify, knock.fresh);
  for (const jws of [...(fresh?.deltas ?? []), ...knock.messages]) await apply(worker, verify, jws);
  const body = JSON.stringify(heartbeatOf(worker));
  const content = { method: "POST", target: courierPaths.heartbeat, body: new TextEncoder().encode(body) };
  const pair = fromSeed(worker.signer.seed);
  const nonce = Buffer.from(random(18)).toString("base64url");
  const caller = { key: worker.signer.publicKey, timeMs: Date.now(), nonce };
  const headers = await signCourierCall(content, caller, (bytes) => pair.sign(bytes));
  worker.reply(response, { headers, body });
}

async function contentOf(verify: Verify, jws: string): Promise<Fresh> {
  const payload = await verify("clv-fresh+jws", jws);
  if (payload === undefined) throw new Error("an answer to a heartbeat is not authentic");
  return Fresh.parse(JSON.parse(Buffer.from(payload).toString()));
}

async function apply(worker: FakeWorker, verify: Verify, jws: string): Promise<void> {
  const payload = await verify("clv-delta+jws", jws);
  if (payload === undefined) throw new Error("a delta is not authentic");
  const delta = Delta.parse(JSON.parse(Buffer.from(payload).toString()));
  const { held } = worker;
  if (!worker.listening || delta.epoch !== held.epoch || delta.rev !== held.rev + 1) return;
  worker.held = { epoch: delta.epoch, rev: delta.rev, chain: await nextChain(held.chain, payload) };
  worker.deltas.push(delta);
}

function heartbeatOf({ id, held }: FakeWorker): Heartbeat {
  return {
    v: 1,
    replica: id,
    boot: "1.fakeworker",
    nonce: Buffer.from(random(9)).toString("base64url"),
    software: "fake",
    runtime: "workers",
    wallMs: Date.now(),
    epoch: held.epoch,
    revApplied: held.rev,
    revEffective: held.rev,
    chain: held.chain,
    usage: { nextSeq: 1 },
    audit: { n: 0, head: GENESIS_CHAIN },
    inflight: 0,
    requestsPerSecond: 0,
    aborted: [],
    clockOffsetMs: 0,
    clockErrorMs: 1,
  };
}
