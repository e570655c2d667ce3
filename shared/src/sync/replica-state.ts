/** What a replica is, what happens to it, and what it asks to be done. `replica.ts` has the rules. */
import type { Delta } from "../wire/delta.ts";
import type { Fresh, Heartbeat, Nack } from "../wire/heartbeat.ts";
import type { AuditRow } from "../wire/query.ts";
import type { DeniedTokenRecord, KeyRecord } from "../wire/record.ts";
import type { Abort } from "./abort.ts";
import { type ClockState, type Instant, type Proof, type Stamp, UNMEASURED } from "./freshness.ts";
import type { ChainedPosition, Position } from "./position.ts";
import { Table } from "./table.ts";

export interface Identity {
  readonly org: string;
  readonly replica: string;
  /** `<starts>.<random>`: `boot.ts`. */
  readonly boot: string;
}

/** A verified, decoded delta; `chainAfter` is computed from its `prev` and its exact bytes, `jws` is those bytes. */
export interface DeltaEvent {
  readonly type: "delta";
  readonly delta: Delta;
  readonly chainAfter: string;
  readonly jws: string;
}

/** A verified epoch message: `at` is what it continues, under the new epoch; `jws` is its exact bytes. */
export interface EpochEvent {
  readonly type: "epoch";
  readonly org: string;
  readonly continues: number;
  readonly at: ChainedPosition;
  readonly jws: string;
}

/** An authentic delta whose content is not understood, with what could be read of it. */
export interface UnreadableEvent {
  readonly type: "unreadable";
  readonly org: string;
  readonly epoch: number;
  readonly rev: number;
  readonly restrictive: boolean;
  readonly keyIds: readonly string[];
  readonly providerIds: readonly string[];
  readonly tokenIds: readonly string[];
  readonly code: Nack["code"];
  readonly detail: string;
  readonly jws: string;
}

/** A verified snapshot with all its pages read into a table of its own; `token` is what the store needs to keep it. */
export interface SnapshotEvent {
  readonly type: "snapshot";
  readonly org: string;
  readonly at: ChainedPosition;
  readonly table: Table;
  readonly token: unknown;
}

/** A snapshot at or below the present revision, and the JWS of each delta from there on: the log may be shortened. */
export interface CompactedEvent {
  readonly type: "compacted";
  readonly at: ChainedPosition;
  readonly token: unknown;
  readonly deltas: readonly { readonly rev: number; readonly jws: string }[];
}

export type ReplicaEvent =
  | DeltaEvent
  | EpochEvent
  | UnreadableEvent
  | SnapshotEvent
  | CompactedEvent
  /** Something authentic could not be read and is none of the above: it is complained about. */
  | { readonly type: "refused"; readonly nack: Nack }
  /** A verified answer; its deltas have been fed in before it. */
  | { readonly type: "fresh"; readonly fresh: Fresh }
  /** Everything up to and including the append (or replacement) number `n` is on disk. */
  | { readonly type: "persisted"; readonly n: number }
  /** It is time to speak; the nonce is fresh and random. */
  | { readonly type: "beat"; readonly nonce: string }
  | { readonly type: "heartbeat-failed"; readonly nonce: string }
  /** That many requests were broken off because of the change. */
  | { readonly type: "aborted"; readonly rev: number; readonly n: number }
  /** The audit log holds every change up to here. */
  | { readonly type: "audited"; readonly at: Position };

/** What goes on disk between two snapshots; `delta` is any message of the signed history. */
export type LogEntry = { kind: "delta"; jws: string } | { kind: "stamp"; stamp: ReplicaStamp };

export interface ReplicaStamp extends Stamp {
  readonly audited: Position;
  /** `ReplicaState.kept`. */
  readonly kept: readonly KeyRecord[];
  /** `ReplicaState.denials`. */
  readonly denials: readonly DeniedTokenRecord[];
}

/** The part of a heartbeat that following decides. */
export type HeartbeatCore = Pick<
  Heartbeat,
  | "v"
  | "replica"
  | "boot"
  | "nonce"
  | "wallMs"
  | "epoch"
  | "revApplied"
  | "revEffective"
  | "chain"
  | "nack"
  | "aborted"
  | "tombs"
  | "clockOffsetMs"
  | "clockErrorMs"
>;

export type ReplicaEffect =
  /** Put on disk, in the order of `n`; report `persisted` when it is there. */
  | { type: "append"; n: number; entry: LogEntry }
  | { type: "replace"; n: number; token: unknown; deltas: readonly string[]; stamp: ReplicaStamp }
  | { type: "heartbeat"; message: HeartbeatCore }
  /** Speak soon: there is something new to confirm or to complain about. */
  | { type: "speak" }
  /** Ask for what follows `from`; with `whole`, for a snapshot whatever is held. */
  | { type: "sync"; from: ChainedPosition; whole: boolean }
  | { type: "abort"; abort: Abort }
  | { type: "audit"; entries: AuditRow["entry"][]; upTo: Position }
  /**
   * The answer is to this replica's own open question, the `asked`-th of this process: what else it carries may be used,
   * unless an answer to a later question has said it otherwise.
   */
  | { type: "answered"; fresh: Fresh; asked: number }
  /** A message changed nothing. */
  | { type: "dropped"; code: Dropped }
  | { type: "alarm"; code: "fork" | "clock_untrusted" | "unsupported" | "shrink" };

export type Dropped =
  | "wrong_org"
  | "old_epoch"
  | "duplicate"
  | "unsupported"
  | "stale_nonce"
  | "behind"
  | "fork"
  | "stale_snapshot"
  | "shrunk";

/** Something that was handed to the disk and has not come back. */
interface Pending {
  readonly n: number;
  /** Where the disk stands with it. */
  readonly at: ChainedPosition;
  readonly abort: Abort | undefined;
  readonly audit: AuditRow["entry"] | undefined;
}

/** A heartbeat without an answer yet: when it was sent, and what it said. */
export interface Question {
  /** Which one of this process. */
  readonly asked: number;
  readonly sent: Instant;
  readonly rev: number;
  readonly aborted: readonly { rev: number; n: number }[];
}

/** One owner holds it and hands it to `step`, which changes it in place: a million records are not copied. */
export interface ReplicaState {
  readonly identity: Identity;
  table: Table;
  /** Applied in memory. */
  at: ChainedPosition;
  /** On disk: the only position that is ever spoken of. */
  durable: ChainedPosition;
  pending: Pending[];
  nextN: number;
  /** Chain values of this epoch's latest revisions. */
  readonly chains: Map<number, string>;
  /** Deltas that came too early, by revision. */
  readonly buffer: Map<number, DeltaEvent>;
  /** Open questions by nonce. */
  readonly outstanding: Map<string, Question>;
  /** Questions of this process. */
  asked: number;
  proof: Proof | undefined;
  clock: ClockState;
  nack: Nack | undefined;
  /** Two signed histories under one epoch: nothing but a snapshot leads on. */
  forked: boolean;
  /** Keys, LLM keys and tokens that an unreadable restrictive delta names, until a readable change at or past its revision. */
  readonly closed: Map<string, number>;
  /** Restrictive deltas after the present revision that could not be read and have been acted on: their exact bytes. */
  readonly unread: Map<number, string>;
  readonly aborted: Map<number, number>;
  audited: Position;
  /** Keys that are closed here although the control plane's history says otherwise, because it lost commits. */
  readonly kept: Map<string, KeyRecord>;
  /** Those of `kept` that the control plane knows, and knows otherwise: it is told of them until it agrees. */
  readonly disputed: Set<string>;
  /** Tokens that are refused here although the control plane's history, which lost that, does not: `denials.ts`. */
  readonly denials: Map<string, DeniedTokenRecord>;
}

/** Chain of nothing at all. */
const EMPTY: ChainedPosition = { epoch: 0, rev: 0, chain: "A".repeat(43) };

/** A replica that holds nothing. */
export function emptyReplica(identity: Identity): ReplicaState {
  return {
    identity,
    table: new Table(),
    at: EMPTY,
    durable: EMPTY,
    pending: [],
    nextN: 1,
    chains: new Map(),
    buffer: new Map(),
    outstanding: new Map(),
    asked: 0,
    proof: undefined,
    clock: UNMEASURED,
    nack: undefined,
    forked: false,
    closed: new Map(),
    unread: new Map(),
    aborted: new Map(),
    audited: { epoch: 0, rev: 0 },
    kept: new Map(),
    disputed: new Set(),
    denials: new Map(),
  };
}

/** What would be written of freshness and clock now. */
export function stampOf(state: ReplicaState): ReplicaStamp {
  const { proof, clock, audited, kept, denials } = state;
  const written = proof === undefined ? null : { sentWallMs: proof.sentWallMs, cpTimeMs: proof.cpTimeMs };
  return { proof: written, clock, audited, kept: [...kept.values()], denials: [...denials.values()] };
}
