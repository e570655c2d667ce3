/** What the gateway's rooms hand each other. They meet in `app.ts`; none imports another. */
import type { Principal } from "@claviger/shared/decide/admit";
import type { Address } from "@claviger/shared/decide/ip";
import type { McpRights } from "@claviger/shared/decide/mcp-rights";
import type { Route as ModelRoute } from "@claviger/shared/decide/model";
import type { Refusal } from "@claviger/shared/decide/refusals";
import type { Member } from "@claviger/shared/decide/scan-json";
import type { Freshness, TableView } from "@claviger/shared/decide/view";
import type { JournalRecord } from "@claviger/shared/escrow/held";
import type { Usage } from "@claviger/shared/money/cost";
import type { CapturedBodies, LogRow, McpCall } from "@claviger/shared/wire/query";
import type { KeyRecord, ProviderRecord } from "@claviger/shared/wire/record";
import type { SettledEvent } from "@claviger/shared/wire/usage";
import type { Exchange, OpenRecord, Spent } from "./ports.ts";

/** What admission asks of the follower (`follow/follower.ts`). */
export interface Authority {
  readonly view: TableView;
  freshness(): Freshness;
  waitForUnknown(): Promise<void>;
  waitForRevision(epoch: number, rev: number): Promise<boolean>;
}

/** A request whose credential has been judged. */
export type Authenticated =
  | { readonly ok: true; readonly principal: Principal; readonly ip: Address | undefined }
  | {
      readonly ok: false;
      readonly refusal: Refusal;
      readonly key: KeyRecord | undefined;
      /** The ephemeral token that asked, where its signature held. */
      readonly tokenId?: string;
      readonly ip: Address | undefined;
    };

export type Authenticate = (exchange: Exchange) => Authenticated | Promise<Authenticated>;

/** The last look, in the turn of the forward: the admission, or why not. */
export type Grant = (
  principal: Principal,
  asked: string,
  route: ModelRoute,
  reservation: Reservation,
) => Admission | Refusal;

declare const admitted: unique symbol;

/**
 * Positive proof that one request may be forwarded. Only the admit room makes one (the symbol is not exported), and
 * only in the same turn in which liveness and freshness were read; whoever has none cannot call the relay.
 */
export interface Admission {
  readonly [admitted]: true;
  readonly key: KeyRecord;
  readonly generation: number;
  /** Set when an ephemeral token of the key asked. */
  readonly tokenId: string | undefined;
  readonly provider: ProviderRecord;
  /** The name that the provider knows the model by. */
  readonly model: string;
}

/**
 * The last look at a request of MCP, in the turn in which it goes on: the admission, or why not. `judge` says what the
 * request needs at the server.
 */
export type McpGrant = (
  principal: Principal,
  server: string,
  judge: (rights: McpRights) => Refusal | undefined,
) => McpAdmission | Refusal;

declare const mcpAdmitted: unique symbol;

/** Positive proof that one request may go to one MCP server; made like an `Admission`, and only there. */
export interface McpAdmission {
  readonly [mcpAdmitted]: true;
  readonly key: KeyRecord;
  readonly generation: number;
  readonly tokenId: string | undefined;
  readonly rights: McpRights;
}

/** Limits of a key, as the forward needs them (`spend/limits.ts`). */
export interface LimitBook {
  /** While a key has no share of its limits yet: resolves when it has, or half a second after it was first asked for. */
  ready(who: Limited): Promise<void> | undefined;
  enter(who: Limited): boolean;
  /** With the same limits as it entered with. */
  leave(who: Limited): void;
  takeRate(who: Limited, estimatedTokens: number): RateDecision;
  /** The `x-ratelimit-*` of an answer for which nothing was taken, flat. */
  headersOf(who: Limited): readonly string[];
  giveBack(who: Limited, estimatedTokens: number): void;
  correct(who: Limited, estimatedTokens: number, usedTokens: number): void;
}

/** Whose limits: a key's, and beside them those of the token that asks, which has a rate of its own. */
export interface Limited {
  readonly keyId: string;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly maxConcurrency: number | null;
  /** Absent for a token that narrows no rate. */
  readonly token?: TokenRate;
}

export interface TokenRate {
  readonly id: string;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
}

export type LimitKind = "requests" | "tokens" | "concurrency";

/** `headers` are the `x-ratelimit-*` of the answer, flat. */
export type RateDecision =
  | { readonly ok: true; readonly headers: readonly string[] }
  | {
      readonly ok: false;
      readonly limit: LimitKind;
      readonly retryAfterMs: number;
      readonly headers: readonly string[];
    };

/** What is written down of a request, whatever became of it. */
export interface RequestFacts {
  readonly requestId: string;
  readonly atMs: number;
  readonly surface: string;
  readonly method: string;
  readonly path: string;
  readonly ip: string;
  readonly ipPrefix: string;
  /** The ephemeral token that asked. */
  readonly tokenId?: string;
  /** Absent while nobody traces it. */
  readonly trace?: Trace;
  /** Of a request to `/mcp`. */
  readonly mcp?: McpCall;
}

/** One traced request (`telemetry/tracer.ts`). Nothing here fails or waits. */
export interface Trace {
  /** What a provider is handed whose row says so: the context of that attempt, 1 for the first. */
  traceparent(attempt: number): string;
  /** Ends the request's span: no provider was asked, or no attempt was the last. */
  refused(code: string, status: number, keyId: string | undefined): void;
  /** Tells of one attempt; one that the caller was answered with ends the request's span. */
  settled(settlement: Settlement): void;
}

export interface Tracer {
  /** Undefined for a request that is not sampled. */
  begin(
    exchange: Exchange,
    requestId: string,
    route: { readonly path: string; readonly surface: string },
  ): Trace | undefined;
}

declare const reserved: unique symbol;

/**
 * Positive proof that the worst case of one attempt is held in every budget on its path. Only the spend room makes one;
 * no attempt starts without. Exactly one of `settle` and `release` is called, once, whatever becomes of the attempt.
 */
export interface Reservation {
  readonly [reserved]: true;
  /** In which it is held; empty when no budget stands on the key. */
  readonly budgets: readonly string[];
  /** It stands on disk, and is the attempt's open record: after a crash it is settled as one. */
  readonly journaled: boolean;
  /** How much the attempt may generate, where a budget bounds it. */
  readonly output: OutputBound | undefined;
  /** What the attempt has cost; before it is written down, which this adds to. */
  settle(ended: AttemptEnd): Spent | undefined;
  /** Nothing was sent. */
  release(): void;
}

export interface OutputBound {
  /** To be written into the body, where the provider would see no limit otherwise; `x-claviger-max-tokens` tells the caller. */
  readonly inject: { readonly field: string; readonly tokens: number } | null;
  /** Tokens of the whole answer: a stream is cut there. */
  readonly tokensMax: number;
}

/** What a request says, as far as its bound depends on it. */
export interface AskedWords {
  readonly bytes: Uint8Array;
  readonly textBytes: number;
  readonly stream: boolean;
  readonly members: ReadonlyMap<string, Member>;
}

/**
 * Holds the worst case of the attempt that this record will open, or says why not. Answers in the same turn where nothing is
 * to be held, and waits where a slice has to come first.
 */
export type Reserve = (
  record: Readonly<OpenRecord>,
  principal: Principal,
  words: AskedWords,
) => Reservation | Refusal | Promise<Reservation | Refusal>;

export interface AttemptEnd {
  readonly status: number;
  readonly code: string | null;
  readonly tokens: Usage;
  readonly basis: SettledEvent["basis"];
}

export type { Spent } from "./ports.ts";

/** One attempt of a request, as its log has it. */
export type AttemptFacts = NonNullable<LogRow["attempts"]>[number];

/** The settlement of one attempt that was started. */
export interface Settlement extends AttemptEnd {
  readonly facts: RequestFacts;
  /** 1 for the first. */
  readonly attempt: number;
  /** Another attempt is to make good for it: the caller has seen nothing of this one. */
  readonly followed: boolean;
  /** Those before it. */
  readonly earlier: readonly AttemptFacts[] | undefined;
  readonly spent: Spent | undefined;
  /** Of the attempt that the caller was answered with, where the organization wants bodies kept. */
  readonly bodies?: CapturedBodies | undefined;
  readonly admission: Omit<Admission, typeof admitted>;
  readonly streamed: boolean;
  readonly firstByteMs: number | null;
  readonly totalMs: number;
}

/** Escrow's journal: its records are on disk in the commits of usage and audit (`logs/logs.ts`). */
export interface EscrowJournal {
  /** The commit begins in this turn, or when the one under way has ended. Retried for ever; `persisted` tells. */
  write(n: number, record: JournalRecord): void;
  /** The number of the usage event that is settled next; it has to be so in this turn. */
  nextSeq(): number;
  /** The latest that is on disk. */
  durableSeq(): number;
  /** Too much is waiting: nothing is to be reserved now (`journal_unavailable`). */
  isFull(): boolean;
  /** Who is told that all records up to number `n` are on disk, and asked for the shortest journal. */
  attach(owner: { persisted(n: number): void; compacted(): readonly JournalRecord[] }): void;
}

/** What the forward writes down (`logs/logs.ts`). */
export interface Ledger {
  /** Leaves the open record; false when it cannot be written and the organization wants no request without one. */
  open(record: OpenRecord): Promise<boolean>;
  /** The open record of an attempt that was not made after all. */
  withdraw(attemptId: string): void;
  settle(settlement: Settlement): void;
  refused(facts: RequestFacts, key: KeyRecord, code: string, status: number): void;
}
