/**
 * What the gateway's core needs from the place it runs in. Each runtime answers every port once, in its own folder;
 * the core never asks which platform it is on.
 */
import type { ProviderRecord } from "@claviger/shared/wire/record";
import type { AuditRow, LogRow, Question } from "@claviger/shared/wire/query";
import type { UsageEvent } from "@claviger/shared/wire/usage";

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
  /** Sends one part of the answer to query `id` of control-plane process `cp`. */
  answer(cp: string, id: string, part: Uint8Array): Promise<void>;
  /** Untrusted messages as they arrive: delta JWSs, pokes, query JWSs. */
  listen(on: { delta(jws: string): void; poke(): void; query(jws: string): void }): void;
  /** Presents these credentials at the next connect (renewed by heartbeats). */
  useNatsJwt(jwt: string): void;
  close(): Promise<void>;
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
  /** Settled and refused requests plus audit entries, in order; resolves when committed. */
  append(batch: LogBatch): Promise<void>;
  query(question: Question): Promise<readonly (LogRow | AuditRow)[]>;
  /** Usage events after `cursor`, oldest first, at most `limit`. */
  usageAfter(cursor: number, limit: number): Promise<readonly UsageEvent[]>;
  /** Where chain and outbox stand. */
  heads(): Promise<{ auditN: number; auditHead: string; usageNextSeq: number }>;
  close(): Promise<void>;
}

export interface LogBatch {
  readonly logs: readonly Omit<LogRow, "n">[];
  readonly audits: readonly AuditRow["entry"][];
  /** Without sequence numbers: the store gives them, gapless, in order. */
  readonly usage: readonly UsageDraft[];
  readonly atMs: number;
}

type WithoutSeq<T> = T extends unknown ? Omit<T, "seq"> : never;
/** A usage event before the store has numbered it. */
export type UsageDraft = WithoutSeq<UsageEvent>;

/**
 * Leaves the open record of an admitted request before its first upstream byte: one unsynced append per event-loop
 * turn, so that a killed process loses nothing.
 */
export interface OpenJournal {
  /** Resolves when the record has been written; rejects when it could not be (`audit_unavailable`). */
  open(record: OpenRecord): Promise<void>;
  /** Marks the request as settled; never fails the request. */
  settle(requestId: string): void;
  /** Requests that were open when the process last ended. */
  orphans(): Promise<readonly OpenRecord[]>;
  close(): Promise<void>;
}

export interface OpenRecord {
  requestId: string;
  atMs: number;
  keyId: string;
  generation: number;
  projectId: string;
  surface: string;
  provider: string;
  llmKeyId: string;
  model: string;
}

/** Opens a provider credential for exactly the host that it was sealed for. */
export interface Vault {
  /** The provider's plaintext credential; undefined when no data key here opens it. */
  credentialFor(provider: ProviderRecord): Promise<string | undefined>;
}

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
