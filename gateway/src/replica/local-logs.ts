/** The logs of one replica: what is written down, what of it escrow lives by, and what of it goes again. */
import type { EscrowState } from "@claviger/shared/escrow/replica-state";
import type { Verify } from "@claviger/shared/wire/sign";
import type { FollowerEvents, Vitals, Witness } from "../follow/follower.ts";
import { type Logs, type LogsDeps, openLogs } from "../logs/logs.ts";
import { type RetentionSettings, startRetention } from "../logs/retention.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Courier, Log, LogStore, OpenJournal } from "../ports.ts";
import type { EscrowJournal, Ledger } from "../rooms.ts";
import { recoverSpending } from "./spending.ts";

export interface LocalLogs {
  readonly ledger: Ledger;
  readonly events: Omit<FollowerEvents, "dataKeys" | "detached">;
  readonly witness: Witness;
  vitals(): Omit<Vitals, "inflight">;
  /** For `/metrics`. */
  gauges(): { outboxLag: number; auditLinks: number };
  /** Where the organization's audit policy is read from; `strict` until then. */
  policyFrom(policy: () => "strict" | "continue" | undefined): void;
  /** Where the control plane's time is read from; nothing is deleted and no question answered before it is known. */
  timeFrom(time: LogTime): void;
  /** Who asks providers whether they let us in; until then such a question gets no answer. */
  triesBy(tryProvider: TryProvider): void;
  /** Who asks MCP servers what they offer. */
  discoversBy(discover: Discover): void;
  /** Undefined when what stands on disk contradicts itself: then nothing may be spent by it. */
  readonly escrow: { readonly state: EscrowState; readonly journal: EscrowJournal } | undefined;
  /** What lines are stamped with. */
  stampMs(): number;
  close(): Promise<void>;
}

type TryProvider = NonNullable<LogsDeps["tryProvider"]>;
type Discover = NonNullable<LogsDeps["discover"]>;

export interface LogTime {
  /** What the control plane's clock shows at least; undefined until this process has had a proof. */
  readonly nowMs: () => number | undefined;
  /** What lines are stamped with: the time as it is corrected here. */
  readonly stampMs: () => number;
}

export interface LocalLogsDeps {
  readonly courier: Pick<Courier, "usage" | "answer">;
  readonly verify: Verify;
  readonly replicaId: string;
  /** Of this process: it takes no money that was meant for an earlier one. */
  readonly boot: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly retention: RetentionSettings & {
    /** What captured bodies may take. */
    readonly bodyBytesMax?: number;
  };
}

/** Where the logs are kept. The store is opened first: before anything is added, it says how much there was. */
export interface LogPlaces {
  readonly store: LogStore;
  readonly openJournal: () => Promise<OpenJournal>;
}

/** Settles what the last process left open. */
export async function openLocalLogs(
  { store, openJournal }: LogPlaces,
  deps: LocalLogsDeps,
): Promise<LocalLogs> {
  let tries: TryProvider = () => Promise.reject(new Error("nobody asks providers yet"));
  let discovers: Discover = () => Promise.reject(new Error("nobody asks MCP servers yet"));
  let policy: () => "strict" | "continue" | undefined = () => undefined;
  // Before anything is added: what the last process left open is settled next.
  const { auditN: openedN } = await store.heads();
  const journal = await openJournal();
  let source: LogTime = { nowMs: () => undefined, stampMs: () => deps.clock.wallMs() };
  const time: LogTime = { nowMs: () => source.nowMs(), stampMs: () => source.stampMs() };
  const recovered = await recoverSpending(store, deps);
  const logs = await openLogs({
    ...{ ...deps, ...time, store, journal, auditPolicy: () => policy() ?? "strict" },
    tryProvider: (llmKeyId) => tries(llmKeyId),
    discover: (serverId) => discovers(serverId),
    ...(recovered === undefined ? {} : { escrow: recovered }),
  });
  const usageCursor = () => logs.heads().usageCursor;
  const retention = startRetention({ store, log: deps.log, ...time, usageCursor }, deps.retention);
  return {
    ledger: logs,
    events: {
      audit: (entries) => logs.audit(entries),
      query: (jws) => logs.query(jws),
      usageCursor: (cursor) => logs.usageCursor(cursor),
    },
    witness: { openedN, auditN: () => logs.heads().auditN, knowsLater: (at) => store.knowsLater(at) },
    vitals: createVitals(logs, deps),
    gauges() {
      const { usageNextSeq, usageCursor: taken, auditN } = logs.heads();
      return { outboxLag: Math.max(0, usageNextSeq - 1 - taken), auditLinks: auditN };
    },
    escrow: recovered && { state: recovered.state, journal: logs.escrow },
    stampMs: time.stampMs,
    triesBy(tryProvider) {
      tries = tryProvider;
    },
    discoversBy(discover) {
      discovers = discover;
    },
    policyFrom(from) {
      policy = from;
    },
    timeFrom(from) {
      source = from;
    },
    async close() {
      retention.stop();
      await logs.close();
    },
  };
}

/** What a heartbeat says of the logs; its rate is over the time since the one before. */
function createVitals(logs: Logs, { metrics, clock }: Pick<LocalLogsDeps, "metrics" | "clock">) {
  let last = { admitted: 0, monoMs: clock.monoMs() };
  return () => {
    const { usageNextSeq, auditN, auditHead } = logs.heads();
    const now = { admitted: metrics.admitted, monoMs: clock.monoMs() };
    const seconds = Math.max(0.001, (now.monoMs - last.monoMs) / 1000);
    const requestsPerSecond = (now.admitted - last.admitted) / seconds;
    last = now;
    return { usage: { nextSeq: usageNextSeq }, audit: { n: auditN, head: auditHead }, requestsPerSecond };
  };
}
