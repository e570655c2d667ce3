/** Composes following: the state from disk first, so that it can decide before anybody is reached. */
import { ageMs, certainNowMs, correctedNowMs, provedNowMs } from "@claviger/shared/sync/freshness";
import { reaches } from "@claviger/shared/sync/position";
import type { Knock } from "@claviger/shared/wire/knock";
import { Applier, type FollowPorts } from "./applier.ts";
import type { Follower, FollowerStatus, Witness } from "./follower.ts";
import { liveView } from "./live-view.ts";
import { type Loaded, load } from "./load.ts";

/** A hash that is not in the table is believed to be unknown while the last proof is not older than this. */
const UNKNOWN_PROOF_MS_MAX = 2_000;
const UNKNOWN_WAIT_MS = 1_000;
const REVISION_WAIT_MS = 500;
const LEAVE_WAIT_MS = 1_000;
const KNOCK_WAIT_MS = 2_000;

/** The follower with its lifecycle, for whoever composes the gateway. */
export interface RunningFollower extends Follower {
  /** Starts to listen and to speak. Until then the state that was loaded answers alone. */
  start(): void;
  /** The next heartbeat has something new to say. */
  speak(): void;
  /** Speaks now; resolves to whether it was answered. */
  beat(): Promise<boolean>;
  /** Speaks no more by itself until `start`: what knocks is still answered. */
  rest(): void;
  /** Takes what a knock brings, and resolves to the heartbeat that answers it, when all of it is on disk or after 2 s. */
  answerKnock(knock: Pick<Knock, "messages" | "fresh">): Promise<Uint8Array>;
  /** Says `bye`, waits for the disk, and stops; takes two seconds at most. */
  stop(): Promise<void>;
}

/**
 * Loads the persisted state, verifying all of it again. Rejects only when the store cannot be read at all. The audit log
 * is its witness: files that an older copy has replaced verify like any others, and would bring back what was revoked
 * since. Without the log, or with less of it than the state has seen, nobody vouches for the state.
 */
export async function createFollower(ports: FollowPorts): Promise<RunningFollower> {
  const { clock, courier, log } = ports;
  const loaded = await load(ports.identity, ports.verify, await ports.store.load(), () => ({
    wallMs: clock.wallMs(),
    monoMs: clock.monoMs(),
  }));
  const objection = await objectionOf(loaded, ports.witness);
  if (objection !== undefined) {
    loaded.complaints.push(objection);
    loaded.condition = "damaged";
    loaded.state.proof = undefined;
  }
  for (const complaint of loaded.complaints) log.error({ complaint }, "the persisted state was not whole");
  const { condition, state } = loaded;
  log.info({ condition, ...state.at, keys: state.table.keyCount }, "state loaded");
  const applier = new Applier(ports, loaded);
  if (ports.detached === true) applier.end();
  let stopped = false;
  return {
    ...windowOf(applier),
    ...waitsOf(applier),
    onAbort(listener) {
      applier.aborters.add(listener);
      return () => applier.aborters.delete(listener);
    },
    start() {
      if (applier.detached) return;
      courier.listen({
        delta: (jws) => void applier.takeIn(jws),
        poke: () => applier.beats.soon(),
        query: (jws) => ports.events.query(jws),
        detached: (jws) => void applier.takeEnd(jws),
        position: () => applier.state.at,
      });
      applier.beats.start();
    },
    speak: () => applier.beats.news(),
    beat: () => applier.beat(),
    rest: () => applier.beats.stop(),
    async answerKnock({ messages, fresh }) {
      await Promise.all(messages.map((jws) => applier.takeIn(jws)));
      // Of a heartbeat that this process has made, or it is dropped.
      if (fresh !== undefined) await applier.takeAnswer(fresh);
      await atMost(KNOCK_WAIT_MS, applier.settle());
      return applier.heartbeat().body;
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      applier.beats.stop();
      applier.fetcher.stop();
      await atMost(LEAVE_WAIT_MS, applier.beat(true));
      await atMost(LEAVE_WAIT_MS, applier.settle());
      applier.writer.stop();
      applier.auditor.stop();
    },
  };
}

/** Why the audit log does not vouch for the state; undefined when it does, and when there is no state. */
async function objectionOf(loaded: Loaded, witness: Witness | undefined): Promise<string | undefined> {
  if (witness === undefined || loaded.condition === "empty") return undefined;
  if (witness.openedN < loaded.auditN) {
    return `the audit log has ${witness.openedN} links and had ${loaded.auditN}: it is missing, cut or an older one, and nobody vouches for the state`;
  }
  return (await witness.knowsLater(loaded.state.at))
    ? "the audit log has a later change than the state, which is an older one put back"
    : undefined;
}

function windowOf(
  applier: Applier,
): Pick<
  Follower,
  "view" | "secret" | "freshness" | "provedNowMs" | "replicas" | "draining" | "detached" | "ready" | "status"
> {
  const { state } = applier;
  const age = () => ageMs(state.proof, applier.now());
  return {
    view: liveView(() => state.table),
    secret: (id) => state.table.secret(id),
    freshness() {
      const now = applier.now();
      const nowMs = correctedNowMs(state.clock, now, state.proof);
      const nowMsMin = certainNowMs(state.clock, now, state.proof);
      return { ageMs: ageMs(state.proof, now), nowMs, nowMsMin };
    },
    provedNowMs: () => provedNowMs(state.proof, applier.now()),
    replicas: () => applier.replicas,
    draining: () => applier.draining,
    detached: () => applier.detached,
    ready() {
      if (!state.table.configured) return false;
      const longest = state.table.longestStalenessSeconds();
      // Without a key that is active the age is no matter, but a proof is: what was never proved may be on its way to them.
      return longest === undefined ? state.proof !== undefined : age() <= longest * 1000;
    },
    status: (): FollowerStatus => ({
      configured: state.table.configured,
      epoch: state.at.epoch,
      rev: state.at.rev,
      durableRev: state.durable.rev,
      chain: state.at.chain,
      keys: state.table.keyCount,
      ageMs: age(),
      clockOffsetMs: state.clock.offsetMs,
      clockErrorMs: state.clock.errorMs,
      clockTrusted: state.clock.trusted,
      nack: state.nack,
      loaded: applier.loaded.condition,
      heartbeats: { ...applier.heartbeats },
      dropped: { ...applier.dropped },
      alarms: { ...applier.alarms },
    }),
  };
}

function waitsOf(applier: Applier): Pick<Follower, "waitForUnknown" | "waitForRevision"> {
  const { state, beats, condition } = applier;
  return {
    async waitForUnknown() {
      const proved = () => ageMs(state.proof, applier.now()) <= UNKNOWN_PROOF_MS_MAX;
      if (proved()) return;
      beats.extra();
      await condition.until(proved, UNKNOWN_WAIT_MS);
    },
    waitForRevision(epoch, rev) {
      const there = () => reaches(state.at, { epoch, rev });
      if (!there()) beats.extra();
      return condition.until(there, REVISION_WAIT_MS);
    },
  };
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
