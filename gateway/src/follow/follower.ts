/** What the audit log knows of the state: a state that says otherwise is an older one, or the log is not its log. */
export interface Witness {
  /** Links that were there when it was opened. */
  readonly openedN: number;
  /** Links that are on disk, never one that is not. */
  auditN(): number;
  knowsLater: LogStore["knowsLater"];
}

import type { Freshness, TableView } from "@claviger/shared/decide/view";
import type { Abort } from "@claviger/shared/sync/abort";
import type { EscrowAnswer } from "@claviger/shared/wire/escrow";
import type { Heartbeat } from "@claviger/shared/wire/heartbeat";
import type { AuditRow } from "@claviger/shared/wire/query";
import type { RateAnswer } from "@claviger/shared/wire/rate";
import type { SecretRecord } from "@claviger/shared/wire/record";
/**
 * What the rest of the gateway sees of following the control plane. One applier writes the table; everybody else
 * looks. Nothing here asks the control plane while a request waits, but for the two bounded waits.
 */
import type { LogStore } from "../ports.ts";

export type { Abort } from "@claviger/shared/sync/abort";

export interface Follower {
  /** Always the present table: the reference stays good across snapshots, so keep it or ask again, as you like. */
  readonly view: TableView;
  /** The sealed credential of an LLM key. */
  secret(id: string): SecretRecord | undefined;
  freshness(): Freshness;
  /** What the control plane's clock shows at least; undefined until this process has had a proof. */
  provedNowMs(): number | undefined;
  /** How many replicas of the organization share each limit, as last told; 1 before the first answer. */
  replicas(): number;
  /** An admin wants this gateway to take no new requests. */
  draining(): boolean;
  /** The control plane has detached this replica, for good: it holds nothing and admits nothing. */
  detached(): boolean;
  /** A verified table, and at least one record admissible by age or no record at all (`/readyz`). */
  ready(): boolean;
  /**
   * For a hash that is not in the table: returns at once when the last proof is ≤ 2 s old, else after the next
   * heartbeat's answer or 1 s. One heartbeat per second at most, shared by all who wait. Look again afterwards.
   */
  waitForUnknown(): Promise<void>;
  /** For `x-min-revision` `<epoch>.<rev>`: true as soon as the table is there, false after 500 ms. */
  waitForRevision(epoch: number, rev: number): Promise<boolean>;
  /**
   * Calls back when requests in flight have to end because of a change, before the change is confirmed; the listener
   * breaks them off and returns how many that were. Returns the way to stop listening.
   */
  onAbort(listener: (abort: Abort) => number): () => void;
  status(): FollowerStatus;
}

/** What a heartbeat says of the rest of the gateway; read each time one is sent. */
export interface Vitals {
  usage: Heartbeat["usage"];
  audit: Heartbeat["audit"];
  inflight: number;
  requestsPerSecond: number;
  rates?: Heartbeat["rates"];
  escrow?: Heartbeat["escrow"];
  escrowPart?: Heartbeat["escrowPart"];
  escrowLeftOut?: Heartbeat["escrowLeftOut"];
}

/**
 * What following tells the rest of the gateway. `audit` gets one entry per applied change, in order, after it is on
 * disk; after a crash it may get one again, so the log ignores a (epoch, rev) that it has.
 */
export interface FollowerEvents {
  audit(entries: readonly AuditRow["entry"][]): Promise<void>;
  /** An untrusted query JWS for this replica. */
  query(jws: string): void;
  /** Every usage event up to this sequence number is in PostgreSQL. */
  usageCursor(cursor: number): void;
  /** What an answer says of budgets. */
  escrow?(answer: EscrowAnswer): void;
  /** What an answer says of limits; nothing: this control plane deals none, and each of `replicas` has an equal share. */
  rates?(answer: RateAnswer | undefined, replicas: number): void;
  /** Data keys sealed to this replica, after a rotation. */
  dataKeys(jwes: readonly string[]): void;
  /** This replica is detached, and following has ended: whatever else is held of it has to go too. */
  detached?(atMs: number): void;
}

export interface FollowerStatus {
  configured: boolean;
  epoch: number;
  /** Applied in memory, and on disk (what is confirmed). */
  rev: number;
  durableRev: number;
  chain: string;
  keys: number;
  ageMs: number;
  clockOffsetMs: number | null;
  clockErrorMs: number | null;
  clockTrusted: boolean;
  nack: Heartbeat["nack"];
  /** How the state was found at start. */
  loaded: "empty" | "whole" | "damaged";
  heartbeats: { answered: number; failed: number };
  /** Messages that changed nothing, by reason (`bad_signature`, `stale_nonce`, …). */
  dropped: Readonly<Record<string, number>>;
  alarms: Readonly<Record<string, number>>;
}
