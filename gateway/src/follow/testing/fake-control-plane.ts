/** For tests: a control plane in this process that signs for real, and a courier to it that can be told to misbehave. */

import { continuationOf, type ReplicaRow, takeIn } from "@claviger/shared/sync/intake";
import type { ChainedPosition } from "@claviger/shared/sync/position";
import { Table } from "@claviger/shared/sync/table";
import { buildKey } from "@claviger/shared/testing/records";
import { nextChain, toBase64Url } from "@claviger/shared/wire/chain";
import type { Delta } from "@claviger/shared/wire/delta";
import { type Fresh, Heartbeat, SyncRequest } from "@claviger/shared/wire/heartbeat";
import type { Change, KeyRecord } from "@claviger/shared/wire/record";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { createSign, createVerify, type Sign, type Verify } from "@claviger/shared/wire/sign";
import type { Snapshot } from "@claviger/shared/wire/snapshot";
import type { Courier } from "../../ports.ts";

export const ORG = "org_000000000001";
export const REPLICA = "rep_000000000001";
const PROJECT = "prj_000000000001";

/** A key record as small as it can be; `n` makes its id and its hash. */
export function keyRecord(n: number, changes: Partial<KeyRecord> = {}): KeyRecord {
  const hashes = [{ hash: hashOf(n), generation: 1, notAfterMs: null }];
  return buildKey({ id: keyId(n), projectId: PROJECT, hashes, ...changes });
}

export function keyId(n: number): string {
  return `key_${String(n).padStart(12, "0")}`;
}

export function hashOf(n: number): string {
  return String(n).padStart(43, "h");
}

export function putKey(n: number, changes: Partial<KeyRecord> = {}): Change {
  return { op: "put", kind: "key", id: keyId(n), record: keyRecord(n, changes) };
}

interface Kept {
  rev: number;
  jws: string;
  chain: string;
}

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

export class FakeControlPlane {
  readonly sign: Sign;
  readonly verify: Verify;
  head: ChainedPosition = { epoch: 1, rev: 0, chain: GENESIS_CHAIN };
  table = new Table();
  changes: Kept[] = [];
  row: ReplicaRow = {
    epoch: 0,
    revApplied: 0,
    revEffective: 0,
    freshHiMs: null,
    lastSeenMs: null,
    boot: null,
  };
  readonly heartbeats: Heartbeat[] = [];
  readonly pages = new Map<string, Uint8Array>();
  /** Called with each delta as it is committed: the push. */
  published: (jws: string) => void = () => undefined;
  /** Added to this machine's clock. */
  clockMs = 0;
  nextHeartbeatMs = 300_000;

  private constructor(sign: Sign, verify: Verify) {
    this.sign = sign;
    this.verify = verify;
  }

  static async create(): Promise<FakeControlPlane> {
    const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
    if (!("privateKey" in pair)) throw new Error("a pair was expected");
    const { x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const verify = await createVerify([{ kid: "cp-1", x: x ?? "" }]);
    return new FakeControlPlane(createSign(pair.privateKey, "cp-1"), verify);
  }

  /** Commits one transaction and publishes it, unless it is to be lost on the way. */
  async commit(
    changes: Change[],
    extra: Partial<Delta> & { lost?: boolean; raw?: object } = {},
  ): Promise<{ rev: number; jws: string }> {
    const { lost, raw, ...fields } = extra;
    const rev = this.head.rev + 1;
    const delta: Delta = {
      v: 1,
      org: ORG,
      epoch: this.head.epoch,
      rev,
      prev: this.head.chain,
      atMs: Date.now(),
      actor: { kind: "member", id: "mem_000000000001", name: "admin@example.com" },
      action: "api-key.create",
      restrictive: false,
      inflight: "drain",
      operation: null,
      changes,
      ...fields,
    };
    const payload = encode({ ...delta, ...raw });
    const jws = await this.sign("clv-delta+jws", payload);
    const chain = await nextChain(delta.prev, payload);
    this.head = { epoch: delta.epoch, rev, chain };
    this.changes.push({ rev, jws, chain });
    for (const change of changes) this.table.apply(change);
    if (lost !== true) this.published(jws);
    return { rev, jws };
  }

  /** The whole state, signed, with its pages ready to be fetched. */
  async snapshot(): Promise<string> {
    const pages: string[] = [];
    const all = [...this.table.changes()];
    for (let i = 0; i < all.length; i += 100) {
      const bytes = encode(all.slice(i, i + 100));
      const sha256 = toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
      this.pages.set(sha256, bytes);
      pages.push(sha256);
    }
    const snapshot: Snapshot = { v: 1, org: ORG, ...this.head, cpTimeMs: this.nowMs(), pages };
    return this.sign("clv-snap+jws", encode(snapshot));
  }

  nowMs(): number {
    return Date.now() + this.clockMs;
  }

  /** A proof for that heartbeat; `changes` make it another one than it should be. */
  async answer(heartbeat: Heartbeat, changes: Partial<Fresh> = {}): Promise<string> {
    const { revApplied } = heartbeat;
    const { row, effects } = takeIn({
      head: this.head,
      row: this.row,
      heartbeat,
      chainAtHeld: this.chainAt(revApplied, heartbeat.epoch),
      nowMs: this.nowMs(),
    });
    this.row = row;
    const answer = effects.find((effect) => effect.type === "answer");
    if (answer === undefined) throw new Error("refused");
    const lacks = answer.continuation.kind === "deltas";
    const fresh: Fresh = {
      v: 1,
      org: ORG,
      replica: heartbeat.replica,
      boot: heartbeat.boot,
      nonce: heartbeat.nonce,
      epoch: answer.epoch,
      cpTimeMs: answer.cpTimeMs,
      asOf: answer.asOf,
      chain: answer.chain,
      deltas: lacks ? this.changes.filter(({ rev }) => rev > revApplied).map(({ jws }) => jws) : [],
      resync: answer.continuation.kind === "resync",
      usageCursor: 0,
      nextHeartbeatMs: this.nextHeartbeatMs,
      ...changes,
    };
    return this.sign("clv-fresh+jws", encode(fresh));
  }

  chainAt(rev: number, epoch = this.head.epoch): string | undefined {
    if (epoch !== this.head.epoch) return undefined;
    return rev === 0 ? GENESIS_CHAIN : this.changes.find((kept) => kept.rev === rev)?.chain;
  }

  async sync(body: Uint8Array): Promise<Uint8Array> {
    const { epoch, from, chain } = SyncRequest.parse(JSON.parse(new TextDecoder().decode(body)));
    const continuation = continuationOf(this.head, { epoch, rev: from, chain }, this.chainAt(from, epoch));
    if (continuation.kind === "resync") return encode({ snapshot: await this.snapshot() });
    const deltas = this.changes.filter(({ rev }) => rev > from).map(({ jws }) => jws);
    return encode({ deltas, more: false });
  }
}

/** What a test may do to the way between the two. Each may be replaced at any time. */
export interface FakeCourier extends Courier {
  /** Rejects everything while it is false. */
  up: boolean;
  /** What becomes of an answer to a heartbeat on its way back. */
  onAnswer: (jws: string, heartbeat: Heartbeat) => Promise<string> | string;
  /** Brings these, as the bus would. */
  push(jws: string): void;
  poke(): void;
  detach(jws: string): void;
  natsJwt: string | undefined;
}

export function fakeCourier(cp: FakeControlPlane): FakeCourier {
  let listener: Parameters<Courier["listen"]>[0] | undefined;
  const check = () => {
    if (!courier.up) throw new Error("no way to the control plane");
  };
  const courier: FakeCourier = {
    up: true,
    natsJwt: undefined,
    onAnswer: (jws) => jws,
    push: (jws) => listener?.delta(jws),
    poke: () => listener?.poke(),
    detach: (jws) => listener?.detached(jws),
    async heartbeat(body) {
      check();
      const heartbeat = Heartbeat.parse(JSON.parse(new TextDecoder().decode(body)));
      cp.heartbeats.push(heartbeat);
      return courier.onAnswer(await cp.answer(heartbeat), heartbeat);
    },
    async sync(body) {
      check();
      return cp.sync(body);
    },
    async page(sha256) {
      check();
      const page = cp.pages.get(sha256);
      if (page === undefined) throw new Error("no such page");
      return page;
    },
    async usage() {
      throw new Error("not in this test");
    },
    async ask() {
      throw new Error("not in this test");
    },
    async answer() {
      throw new Error("not in this test");
    },
    listen(on) {
      listener = on;
    },
    useNatsJwt(jwt) {
      courier.natsJwt = jwt;
    },
    close: async () => undefined,
  };
  cp.published = (jws) => courier.push(jws);
  return courier;
}
