/**
 * What the gateway's core needs from the place it runs in. Each runtime answers every port once, in its own folder;
 * the core never asks which platform it is on.
 */

import type { AuditRow, CapturedBodies, LogQuestion, LogRow } from "@claviger/shared/wire/query";
import type { ProviderRecord } from "@claviger/shared/wire/record";
import type { RefusedEvent, SettledEvent } from "@claviger/shared/wire/usage";

/** `wallMs` may jump; `monoMs` never runs backwards but stands still in a paused machine. Both in milliseconds. */
export interface Clock {
  wallMs(): number;
  monoMs(): number;
}

/** The way to the control plane. Every call rejects on timeout or when nobody answers; the caller backs off. */
export interface Courier {
  /** Sends a heartbeat; resolves to the answer's JWS (`clv-fresh+jws`). */
  heartbeat(body: Uint8Array): Promise<string>;
  /** Sends a sync request; resolves to the bytes of a `SyncAnswer`. */
  sync(body: Uint8Array): Promise<Uint8Array>;
  /** Fetches a snapshot page by its hash; the caller checks the bytes against it. */
  page(sha256: string): Promise<Uint8Array>;
  usage(body: Uint8Array): Promise<Uint8Array>;
  /** Asks for a part of a budget; resolves to the bytes of an `AskAnswer`. Asked again, there is still one answer. */
  ask(body: Uint8Array): Promise<Uint8Array>;
  /** Sends one part of the answer to query `id` of control-plane process `cp`. */
  answer(cp: string, id: string, part: Uint8Array): Promise<void>;
  listen(on: CourierListener): void;
  /** Presents these credentials at the next connect (renewed by heartbeats). */
  useNatsJwt(jwt: string): void;
  close(): Promise<void>;
}

/** Untrusted messages as they arrive: delta JWSs, pokes, query JWSs. */
export interface CourierListener {
  delta(jws: string): void;
  poke(): void;
  query(jws: string): void;
  /** A statement that this replica is detached. */
  detached(jws: string): void;
  /** Where the replica stands, for a courier that has to ask whether there is more; absent: nowhere. */
  position?(): { epoch: number; rev: number };
}

/** One sealed record of the persisted state; see `follow/state-file.ts` for the forms. */
export interface StateStore {
  /** Whatever was persisted, oldest first; undefined when there is nothing. Says so when a part did not verify. */
  load(): Promise<LoadedState>;
  /** Appends records and resolves when they are on disk (one fsync per batch). */
  append(records: readonly Uint8Array[]): Promise<void>;
  /** Replaces snapshot and log at once (temp, fsync, rename); the previous generation is kept beside it. */
  replace(snapshot: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

export interface LoadedState {
  /** Snapshot records and log records of one generation, opened and authentic, in order. */
  records: readonly Uint8Array[];
  /** `whole`: usable with its freshness. `damaged`: part of it, or an older generation: state without freshness. */
  condition: "empty" | "whole" | "damaged";
  /** Sentences for the log, empty when nothing was wrong. */
  complaints: readonly string[];
}

/** Audit chain, request log and usage outbox: one local database behind batches. */
export interface LogStore {
  /** Entries in order; resolves when they are on disk. One transaction, one sync. */
  append(batch: LogBatch): Promise<LogHeads>;
  /** However long it takes, it holds up no `append`. */
  query(question: LogQuestion): Promise<readonly (LogRow | AuditRow)[]>;
  /** The attempts of these requests, by their ids, whose settlement is on disk. */
  settledAmong(requestIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Whether a change after this revision was ever audited here: then a state that ends at it is an older one, put back. */
  knowsLater(at: { epoch: number; rev: number }): Promise<boolean>;
  /** Usage events after `cursor`, oldest first, at most `limit`, as the bytes of a `UsageBatch`; undefined: none. */
  usageAfter(cursor: number, limit: number): Promise<{ body: Uint8Array; lastSeq: number } | undefined>;
  /** Escrow's journal, oldest first. */
  escrowLines(): Promise<readonly string[]>;
  /** Lets the oldest entries go, as far as the order allows. */
  trim(order: TrimOrder): Promise<Trimmed>;
  /** Walks the audit chain from where it was trimmed; the number of the first broken link, or undefined when it holds. */
  verify(): Promise<number | undefined>;
  heads(): Promise<LogHeads>;
  close(): Promise<void>;
}

/** Only entries of before `deletableBeforeMs` whose usage is acknowledged go, and in the order in which they came. */
export interface TrimOrder {
  readonly deletableBeforeMs: number;
  /** Those of before this go in any case, */
  readonly wantedBeforeMs: number;
  /** and later ones only while the store holds more than this. */
  readonly bytesMax: number;
  readonly usageCursor: number;
  /** Captured bodies of before this go, whatever becomes of their lines. */
  readonly bodiesBeforeMs: number;
  readonly rowsMax: number;
}

export interface Trimmed {
  readonly rows: number;
  /** What is left takes this many. */
  readonly bytes: number;
  /** Whether the same order may find more. */
  readonly more: boolean;
}

/** Where audit chain and outbox stand, as committed. `usageCursor` is what the control plane last signed. */
export interface LogHeads {
  auditN: number;
  auditHead: string;
  usageNextSeq: number;
  usageCursor: number;
}

export interface LogBatch {
  readonly entries: readonly LogEntry[];
  /** Remembered, so that a restart does not offer the whole history again. */
  readonly usageCursor: number;
  /** Lines of escrow's journal, in order; `anew`: they take the place of all before them. */
  readonly escrow?: { readonly lines: readonly string[]; readonly anew: boolean };
}

/** What a usage event says of money; absent members are not said. */
export type Spent = Pick<SettledEvent, "charges" | "overrun" | "cost" | "priceRev"> &
  Partial<Pick<SettledEvent, "basis">>;

/** What one commit holds. The store gives audit numbers and usage sequence numbers, gapless, in order. */
export type LogEntry =
  /** An admitted request: request log, audit chain and usage outbox are all told from this. */
  | {
      readonly kind: "settled";
      readonly log: Omit<LogRow, "n">;
      readonly generation: number;
      readonly basis: SettledEvent["basis"];
      readonly ipPrefix: string;
      /** What its usage event says of money. */
      readonly spent?: Spent;
      /** What was said, where the organization wants it kept; neither chained nor told with usage. */
      readonly bodies?: CapturedBodies;
    }
  /** A refused request of a known key: a sample for the log; the count travels as `count`. */
  | { readonly kind: "refused"; readonly log: Omit<LogRow, "n"> }
  | { readonly kind: "count"; readonly usage: Omit<RefusedEvent, "seq"> }
  /** Taken once: an (epoch, rev) that the store has is passed over. */
  | { readonly kind: "change"; readonly atMs: number; readonly audit: Exclude<AuditEntry, RequestAudit> };

export type AuditEntry = AuditRow["entry"];
export type RequestAudit = Extract<AuditEntry, { kind: "request" }>;

/**
 * Leaves the open record of an admitted request before its first upstream byte: one unsynced append per event-loop
 * turn, so that a killed process loses nothing.
 */
export interface OpenJournal {
  /** Resolves when the record has been written; rejects when it could not be, and then nothing is left of it. */
  open(record: OpenRecord): Promise<void>;
  /** Marks the attempt as settled; never fails the request. */
  settle(attemptId: string): void;
  /** Attempts that were open when the process last ended. */
  orphans(): Promise<readonly OpenRecord[]>;
  close(): Promise<void>;
}

export interface OpenRecord {
  requestId: string;
  /** From 2 on; absent for the first attempt. `attemptIdOf` names the two together. */
  attempt?: number;
  atMs: number;
  keyId: string;
  generation: number;
  projectId: string;
  surface: string;
  provider: string;
  llmKeyId: string;
  model: string;
  ipPrefix: string;
}

/** Opens a provider credential for exactly the host that it was sealed for. */
export interface Vault {
  /** The provider's plaintext credential; undefined when no data key here opens it. */
  credentialFor(provider: ProviderRecord): Promise<string | undefined>;
}

/** Keys that all replicas of the organization have: what one seals, the others open. None of them leaves its process. */
export interface SharedKeys {
  /** To seal with; undefined while there is none. */
  newest(): SharedKey | undefined;
  byId(id: string): SharedKey | undefined;
}

export interface SharedKey {
  readonly id: string;
  /** AES-256-GCM. */
  readonly key: CryptoKey;
}

/** One request being answered, as the runtime holds it. */
export interface Exchange {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** The address at the other end of the connection, not yet judged. */
  readonly peer: string;
  /** By lower-case name; repeated headers joined by the runtime's rule. */
  header(name: string): string | undefined;
  /** The whole body once, as bytes. Reading stops at the limits. */
  readBody(limits: { bytesMax: number; timeoutMs: number }): Promise<BodyRead>;
  readonly answer: Answer;
}

export type BodyRead = { ok: true; bytes: Uint8Array } | { ok: false; why: "too_large" | "timeout" | "gone" };

/** The way back to the caller. Writing after the caller has left does nothing. */
export interface Answer {
  readonly begun: boolean;
  /** Status and flat name, value, name, value. Sent with the first bytes, or at once when `flush`. */
  head(status: number, headers: readonly string[], flush?: boolean): void;
  /** False: enough for now, wait for `onDrained`. */
  write(bytes: Uint8Array): boolean;
  end(bytes?: Uint8Array): void;
  /** Breaks the connection, so that a half answer is not taken for a whole one. */
  cut(): void;
  onDrained(then: () => void): void;
  /** The caller has left before the answer's end. */
  onGone(then: () => void): void;
}

/** The only way to a provider. */
export interface Upstream {
  open(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall;
  close(): Promise<void>;
}

export interface UpstreamRequest {
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly method: "GET" | "POST" | "DELETE";
  /** Flat name, value, name, value. */
  readonly headers: string[];
  /** In order, and none of them changed before the call is over; empty: no body. */
  readonly body: readonly Uint8Array[];
  /** Longest time for a connection; the platform's own where absent. */
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs: number;
  /** Longest time from the answer's head to its first byte of content; `idleTimeoutMs` where absent. */
  readonly firstByteTimeoutMs?: number;
  /** Longest silence inside the body. */
  readonly idleTimeoutMs: number;
}

/** Exactly one of `end` and `failed` ends a call that was not closed; neither follows `close`. */
export interface UpstreamListener {
  /** Header names in lower case, flat. */
  head(status: number, headers: readonly string[]): void;
  data(bytes: Uint8Array): void;
  end(): void;
  /** `nothingSent`: no byte of the request has left; then it costs nothing. */
  failed(why: UpstreamFailure, nothingSent?: boolean): void;
}

export type UpstreamFailure = "blocked" | "timeout" | "disconnected" | "bad_response";

export interface UpstreamCall {
  pause(): void;
  resume(): void;
  /** Closes the connection at once. */
  close(): void;
}

/** SHA-256 and randomness of the platform, synchronous because they stand on every request's path. */
export interface Crypto {
  /** Base64url SHA-256 of the domain-separated secret: the form in which keys are looked up. */
  keyHash(secret: string): string;
  /** 12 base62 characters. */
  randomId(): string;
}

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
