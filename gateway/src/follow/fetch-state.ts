/**
 * Fetches what the wire did not bring: deltas after a revision, or a whole snapshot with its pages. One fetch at a
 * time; a failure is retried later and later. Whatever has come stays come: deltas are applied one by one, and pages are
 * kept for the next try, so that a slow way leads to the head as well. A snapshot counts when it is complete.
 */

import { type ChainedPosition, type Position, reaches } from "@claviger/shared/sync/position";
import type { CompactedEvent, ReplicaEvent } from "@claviger/shared/sync/replica-state";
import { Table } from "@claviger/shared/sync/table";
import { SyncAnswer, type SyncRequest } from "@claviger/shared/wire/heartbeat";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import type { Verify } from "@claviger/shared/wire/sign";
import type { Snapshot } from "@claviger/shared/wire/snapshot";
import type { Courier, Log } from "../ports.ts";
import { isPage, parse, putPage, readDelta, readSnapshot } from "./read-message.ts";
import type { SnapshotToken } from "./writer.ts";

const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 10_000;
/** Pages asked for at once. */
const PAGES_AT_ONCE = 4;
/** Answers to sync requests in one go; what is still missing then is asked for at the next heartbeat. */
const ROUNDS_MAX = 1_000;

export interface FetchPorts {
  readonly courier: Courier;
  readonly verify: Verify;
  readonly log: Log;
  /** The replica's organization. */
  readonly org: string;
  /** Counts what changes nothing. */
  drop(code: string, detail: string): void;
  /** Where the replica stands now. */
  at(): ChainedPosition;
  /** Hands a delta's JWS in, in order; resolves when it has been applied or dropped. */
  delta(jws: string): Promise<void>;
  dispatch(event: ReplicaEvent): void;
  /** Told when a fetch begins, and when what it brought has been handed in or it has failed. */
  fetching(running: boolean): void;
}

export interface Fetcher {
  /**
   * Fetches what follows the present state; with `whole` a snapshot, whatever is held. While a fetch runs that leads to
   * `upTo` anyway there is no other one.
   */
  request(whole: boolean, upTo?: Position): void;
  /**
   * Fetches a snapshot to shorten the log by, with the deltas that follow it. One of a revision before `revMin` would not,
   * and is left. Never fails; it may come to nothing.
   */
  compact(revMin: number): Promise<void>;
  stop(): void;
}

const encoder = new TextEncoder();
const NOTHING: ChainedPosition = { epoch: 0, rev: 0, chain: GENESIS_CHAIN };

interface Wanted {
  whole: boolean;
  /** undefined: it is not known how much is missing. */
  upTo: Position | undefined;
}

export function createFetcher(ports: FetchPorts): Fetcher {
  let wanted: Wanted | undefined;
  let running = false;
  let stopped = false;
  const pages: KeptPages = new Map();
  const run = async (): Promise<void> => {
    running = true;
    let retryMs = RETRY_MS_MIN;
    while (wanted !== undefined && !stopped) {
      const { whole } = wanted;
      const from = ports.at();
      const before = pages.size;
      wanted = undefined;
      try {
        ports.fetching(true);
        await follow(ports, whole, pages).finally(() => ports.fetching(false));
        retryMs = RETRY_MS_MIN;
        if (isThere(wanted, ports.at())) wanted = undefined;
      } catch (error) {
        if (ports.at() !== from || pages.size > before) retryMs = RETRY_MS_MIN;
        ports.log.warn({ err: error, retryMs }, "the state could not be fetched");
        await new Promise((resolve) => setTimeout(resolve, retryMs * (0.5 + Math.random())));
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
        wanted ??= { whole, upTo: undefined };
      }
    }
    running = false;
  };
  return {
    request(whole, upTo) {
      wanted = {
        whole: whole || wanted?.whole === true,
        upTo: wanted === undefined ? upTo : laterOf(wanted.upTo, upTo),
      };
      if (!running && !stopped) void run();
    },
    async compact(revMin) {
      if (running || stopped) return;
      try {
        await compactOnce(ports, revMin);
      } catch (error) {
        ports.log.warn({ err: error }, "the log could not be shortened");
      }
    },
    stop() {
      stopped = true;
    },
  };
}

function isThere(wanted: Wanted | undefined, at: Position): boolean {
  return wanted?.upTo !== undefined && !wanted.whole && reaches(at, wanted.upTo);
}

function laterOf(a: Position | undefined, b: Position | undefined): Position | undefined {
  if (a === undefined || b === undefined) return undefined;
  return reaches(a, b) ? a : b;
}

async function follow(ports: FetchPorts, whole: boolean, kept: KeptPages): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const from = whole ? NOTHING : ports.at();
    const answer = await ask(ports, from);
    if ("snapshot" in answer) {
      await adopt(ports, answer.snapshot, { whole, kept });
      return;
    }
    for (const jws of answer.deltas) await ports.delta(jws);
    const now = ports.at();
    if (!answer.more) return;
    if (now.epoch === from.epoch && now.rev === from.rev) throw new Error("a sync that leads nowhere");
  }
}

async function ask(ports: FetchPorts, { epoch, rev, chain }: ChainedPosition): Promise<SyncAnswer> {
  const request: SyncRequest = { v: 1, epoch, from: rev, chain };
  const bytes = await ports.courier.sync(encoder.encode(JSON.stringify(request)));
  const answer = SyncAnswer.safeParse(parse(bytes));
  return answer.success ? answer.data : refuse(ports, "unsupported", "the answer to a sync request");
}

async function adopt(
  ports: FetchPorts,
  jws: string,
  { whole, kept }: { whole: boolean; kept: KeptPages },
): Promise<void> {
  const snapshot = await verified(ports, jws, (detail) => {
    ports.dispatch({ type: "refused", nack: { rev: ports.at().rev + 1, code: "unsupported", detail } });
  });
  const { org, epoch, rev, chain } = snapshot;
  const held = ports.at();
  const onward = epoch > held.epoch || (epoch === held.epoch && rev > held.rev);
  if (!onward && !whole) return ports.drop("stale_snapshot", "a snapshot of what is held");
  const table = new Table();
  const pages = await fetchPages(ports, snapshot, kept, (bytes) => {
    if (putPage(table, bytes)) return;
    const detail = "a page of the snapshot is not understood";
    ports.dispatch({ type: "refused", nack: { rev, code: "unsupported", detail } });
    refuse(ports, "unsupported", detail);
  });
  const token: SnapshotToken = { jws, pages };
  ports.dispatch({ type: "snapshot", org, at: { epoch, rev, chain }, table, token });
  // One that lacks keys; its pages stay for the next try.
  if (!reaches(ports.at(), { epoch, rev })) throw new Error("the snapshot was refused");
  kept.clear();
}

/** A snapshot of this organization; `complain` is called of an authentic one that is not understood. */
async function verified(
  ports: FetchPorts,
  jws: string,
  complain: (detail: string) => void = () => undefined,
): Promise<Snapshot> {
  const snapshot = await readSnapshot(ports.verify, jws);
  // All organizations' snapshots have the same signature: of another one's, nothing is asked for or complained about.
  if (snapshot.org !== undefined && snapshot.org !== ports.org) refuse(ports, "wrong_org", "a snapshot");
  if (!("type" in snapshot)) return snapshot;
  if (snapshot.org !== undefined) complain("a snapshot that is not understood");
  return refuse(ports, snapshot.code, snapshot.detail);
}

/** Ends the fetch, which is tried again later. */
function refuse(ports: FetchPorts, code: string, detail: string): never {
  ports.drop(code, detail);
  throw new Error(`refused (${code}): ${detail}`);
}

/** Pages by their hash, which has been checked: what an earlier try brought of a snapshot. */
type KeptPages = Map<string, Uint8Array>;

/** All pages in order, each checked against its hash; `each` sees them as they come, in any order. */
async function fetchPages(
  ports: FetchPorts,
  { pages }: Snapshot,
  kept: KeptPages,
  each: (bytes: Uint8Array) => void = () => undefined,
): Promise<Uint8Array[]> {
  const named = new Set(pages);
  for (const sha256 of kept.keys()) if (!named.has(sha256)) kept.delete(sha256);
  const fetched: Uint8Array[] = new Array(pages.length);
  const next = pages.entries();
  let failed = false;
  const fetchSome = async () => {
    for (const [i, sha256] of next) {
      const bytes = kept.get(sha256) ?? (await ports.courier.page(sha256));
      if (!kept.has(sha256) && !(await isPage(bytes, sha256)))
        refuse(ports, "bad_page", `page ${sha256} is not what its hash says`);
      kept.set(sha256, bytes);
      if (failed) return;
      each(bytes);
      fetched[i] = bytes;
    }
  };
  try {
    await Promise.all(Array.from({ length: PAGES_AT_ONCE }, fetchSome));
  } catch (error) {
    failed = true;
    throw error;
  }
  return fetched;
}

async function compactOnce(ports: FetchPorts, revMin: number): Promise<void> {
  const answer = await ask(ports, NOTHING);
  if (!("snapshot" in answer)) return;
  const snapshot = await verified(ports, answer.snapshot);
  const base: ChainedPosition = { epoch: snapshot.epoch, rev: snapshot.rev, chain: snapshot.chain };
  if (!reaches(ports.at(), base)) return adopt(ports, answer.snapshot, { whole: false, kept: new Map() });
  if (base.rev < revMin) return ports.drop("stale_snapshot", "a snapshot that does not shorten the log");
  const pages = await fetchPages(ports, snapshot, new Map());
  const token: SnapshotToken = { jws: answer.snapshot, pages };
  const deltas: { rev: number; jws: string }[] = [];
  let upTo = base;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const at = ports.at();
    if (upTo.rev >= at.rev || upTo.epoch !== at.epoch) break;
    upTo = await readOn(ports, upTo, deltas);
  }
  const rev = ports.at().rev;
  const event: CompactedEvent = {
    type: "compacted",
    at: base,
    token,
    deltas: deltas.filter((delta) => delta.rev <= rev),
  };
  ports.dispatch(event);
}

/** The next deltas after `from`, each verified and continuing the chain. */
async function readOn(
  ports: FetchPorts,
  from: ChainedPosition,
  into: { rev: number; jws: string }[],
): Promise<ChainedPosition> {
  const answer = await ask(ports, from);
  if ("snapshot" in answer || answer.deltas.length === 0)
    throw new Error("the deltas after a snapshot are gone");
  let at = from;
  for (const jws of answer.deltas) {
    const event = await readDelta(ports.verify, jws);
    if (event.type === "rejected") refuse(ports, event.code, event.detail);
    if (event.type !== "delta" || event.delta.prev !== at.chain || event.delta.rev !== at.rev + 1) {
      throw new Error("the deltas after a snapshot do not continue it");
    }
    at = { epoch: at.epoch, rev: event.delta.rev, chain: event.chainAfter };
    into.push({ rev: at.rev, jws });
  }
  return at;
}
