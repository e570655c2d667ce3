/**
 * The one applier: every event of following goes through `dispatch`, one after the other, and every effect is carried
 * out here. The bargain: nobody else writes the table, and what arrives is verified in the order in which it came.
 */
import type { Instant } from "@claviger/shared/sync/freshness";
import { step } from "@claviger/shared/sync/replica";
import type {
  HeartbeatCore,
  Identity,
  ReplicaEffect,
  ReplicaEvent,
} from "@claviger/shared/sync/replica-state";
import { claimsDetached } from "@claviger/shared/wire/detached";
import type { Fresh, Heartbeat } from "@claviger/shared/wire/heartbeat";
import type { Verify } from "@claviger/shared/wire/sign";
import type { Clock, Courier, Log, StateStore } from "../ports.ts";
import { type Auditor, createAuditor } from "./auditor.ts";
import { type Beats, createBeats } from "./beats.ts";
import { isConflict } from "./conflict.ts";
import { endFollowing, readDetachment } from "./detachment.ts";
import { createFetcher, type Fetcher } from "./fetch-state.ts";
import type { Abort, FollowerEvents, Vitals, Witness } from "./follower.ts";
import type { Loaded } from "./load.ts";
import { spokenOf } from "./missing.ts";
import { readFresh, readHistory } from "./read-message.ts";
import { createCondition } from "./until.ts";
import { createWriter, type Writer } from "./writer.ts";

/** Messages that wait to be verified; more are dropped, and fetched by revision. */
const INBOX_MAX = 4_096;
const COMPACT_EVERY_MS = 600_000;
const REPAIR_EVERY_MS = 5_000;
const COMPACT_DELTAS = 20_000;
const COMPACT_BYTES_MIN = 1 << 20;

export interface FollowPorts {
  readonly identity: Identity;
  readonly runtime: Heartbeat["runtime"];
  /** Name and version of this software, as the control plane shows it. */
  readonly software: string;
  readonly clock: Clock;
  readonly courier: Courier;
  readonly store: StateStore;
  readonly verify: Verify;
  readonly log: Log;
  /** It was detached before this process began. */
  readonly detached?: boolean;
  readonly vitals: () => Vitals;
  /** The audit log, as it can speak for the state; absent where there is none, in tests. */
  readonly witness?: Witness;
  readonly events: FollowerEvents;
  /** A renewed NATS user JWT: the courier has it already, and it has to outlive the process. */
  readonly credentials: (natsJwt: string) => void;
}

export class Applier {
  readonly beats: Beats;
  readonly fetcher: Fetcher;
  readonly writer: Writer;
  readonly auditor: Auditor;
  /** Asks who waits again after every event. */
  readonly condition = createCondition();
  readonly aborters = new Set<(abort: Abort) => number>();
  readonly dropped: Record<string, number> = {};
  readonly alarms: Record<string, number> = {};
  readonly heartbeats = { answered: 0, failed: 0 };
  replicas = 1;
  /** As last told; a process that has just started takes requests until it hears otherwise. */
  draining = false;
  /** By a signed word of the control plane; nothing comes after it. */
  detached = false;
  readonly loaded: Loaded;
  /** The latest question whose answer was used, and the latest whose answer had a credential. */
  #usedOf = 0;
  #credentialOf = 0;
  readonly #ports: FollowPorts;
  #inbox: Promise<void> = Promise.resolve();
  #waiting = 0;
  #compactedAtMs = Number.NEGATIVE_INFINITY;

  constructor(ports: FollowPorts, loaded: Loaded) {
    this.#ports = ports;
    this.loaded = loaded;
    const { courier, verify, log } = ports;
    this.writer = createWriter(ports, (n) => this.#persisted(n), loaded);
    this.auditor = createAuditor(
      (entries) => ports.events.audit(entries),
      log,
      (at) => this.dispatch({ type: "audited", at }),
    );
    this.fetcher = createFetcher({
      courier,
      verify,
      log,
      org: ports.identity.org,
      drop: (code, detail) => this.#drop(code, detail),
      at: () => this.state.at,
      delta: (jws) => this.takeIn(jws),
      dispatch: (event) => void this.dispatch(event),
      fetching: (running) => this.beats.hold(running),
    });
    this.beats = createBeats(() => this.beat(), ports.clock.monoMs);
    // A log that was long before can wait: a fleet that restarts in one moment would fetch all of it in that moment.
    if (this.#hasLongLog()) this.#compactedAtMs = ports.clock.monoMs() - COMPACT_EVERY_MS * Math.random();
    for (const effect of loaded.effects) this.#perform(effect);
  }

  get state() {
    return this.loaded.state;
  }

  now(): Instant {
    return { wallMs: this.#ports.clock.wallMs(), monoMs: this.#ports.clock.monoMs() };
  }

  /** Carries one event through the core; returns the heartbeat that it made, if it made one. */
  dispatch(event: ReplicaEvent, at: Instant = this.now()): HeartbeatCore | undefined {
    if (this.detached) return undefined;
    const { effects } = step(this.state, event, at);
    let message: HeartbeatCore | undefined;
    for (const effect of effects) {
      if (effect.type === "heartbeat") message = effect.message;
      else this.#perform(effect, event);
    }
    this.condition.changed();
    return message;
  }

  /** Takes a JWS of the history in, after all that came before it; resolves when it was applied or dropped. */
  takeIn(jws: string): Promise<void> {
    if (this.#waiting >= INBOX_MAX) {
      this.#drop("inbox_full", "a delta");
      return Promise.resolve();
    }
    this.#waiting += 1;
    this.#inbox = this.#inbox.then(async () => {
      try {
        const event = await readHistory(this.#ports.verify, jws);
        if (event.type === "rejected") this.#drop(event.code, event.detail);
        else this.dispatch(event);
      } catch (error) {
        this.#ports.log.error({ err: error }, "a delta could not be taken in");
      } finally {
        this.#waiting -= 1;
      }
    });
    return this.#inbox;
  }

  /** One heartbeat with its answer; resolves to whether there was one, and never rejects. */
  async beat(bye = false): Promise<boolean> {
    if (this.detached) return false;
    const { courier, log } = this.#ports;
    const { nonce, body } = this.heartbeat(bye);
    try {
      await this.takeAnswer(await courier.heartbeat(body));
      this.heartbeats.answered += 1;
      return true;
    } catch (error) {
      this.heartbeats.failed += 1;
      log.debug({ err: error }, "a heartbeat was not answered");
      if (isConflict(error)) this.#alarm("replica_conflict");
      this.dispatch({ type: "heartbeat-failed", nonce });
      return false;
    }
  }

  /** All that this replica holds, as the bytes that say so; an answer to it is a proof from this moment on. */
  heartbeat(bye = false): { nonce: string; body: Uint8Array } {
    const { runtime, software, vitals } = this.#ports;
    const nonce = crypto.randomUUID();
    const core = this.dispatch({ type: "beat", nonce });
    if (core === undefined) throw new Error("a beat makes a heartbeat");
    const message: Heartbeat = { ...core, ...vitals(), runtime, software };
    if (bye) message.bye = true;
    if (this.loaded.condition === "damaged" && this.heartbeats.answered === 0) message.stateDamaged = true;
    return { nonce, body: new TextEncoder().encode(JSON.stringify(message)) };
  }

  /** Takes the answer to a heartbeat and what it carries; rejects when it is not one. */
  async takeAnswer(jws: string): Promise<void> {
    const received = this.now();
    if (claimsDetached(jws)) await this.takeEnd(jws);
    const fresh = await readFresh(this.#ports.verify, jws);
    if ("type" in fresh) {
      this.#drop(fresh.code, fresh.detail);
      throw new Error(`the answer to a heartbeat was refused: ${fresh.code}`);
    }
    await Promise.all(fresh.deltas.map((delta) => this.takeIn(delta)));
    this.dispatch({ type: "fresh", fresh }, received);
  }

  /** Takes a statement that this replica is detached; one that is not authentic, or another's, changes nothing. */
  async takeEnd(jws: string): Promise<void> {
    const { verify, identity, log, events } = this.#ports;
    const read = await readDetachment(verify, identity, jws);
    if ("type" in read) return this.#drop(read.code, read.detail);
    if (this.detached) return;
    this.end();
    this.alarms.detached = 1;
    const detachedAt = new Date(read.atMs).toISOString();
    log.error(
      { alarm: "detached", detachedAt },
      "this gateway was detached by an administrator: it admits nothing",
    );
    events.detached?.(read.atMs);
  }

  /** Follows nobody any more, and holds nothing. */
  end(): void {
    this.detached = true;
    endFollowing(this);
  }

  /** Resolves when everything that arrived is applied, on disk and audited, so far as that is possible. */
  async settle(): Promise<void> {
    await this.#inbox;
    await Promise.all([this.writer.idle(), this.auditor.idle()]);
  }

  #perform(effect: Exclude<ReplicaEffect, { type: "heartbeat" }>, cause?: ReplicaEvent): void {
    switch (effect.type) {
      case "append":
      case "replace":
        return this.writer.push(effect);
      case "speak":
        return this.beats.news();
      case "sync":
        return this.fetcher.request(effect.whole, spokenOf(cause));
      case "abort":
        return this.#abort(effect.abort);
      case "audit":
        return this.auditor.push(effect.entries, effect.upTo);
      case "answered":
        return this.#useAnswer(effect.fresh, effect.asked);
      case "dropped":
        return this.#drop(effect.code, "by the rules of following");
      case "alarm":
        return this.#alarm(effect.code);
    }
  }

  #abort(abort: Abort): void {
    let n = 0;
    for (const aborter of this.aborters) n += aborter(abort);
    if (n > 0) this.dispatch({ type: "aborted", rev: abort.rev, n });
  }

  /**
   * What else the answer carries, now that it is known to be the answer to our own question. Of two that pass each other
   * on the way the one to the later question holds; what only adds is used of both.
   */
  #useAnswer(fresh: Fresh, asked: number): void {
    const { courier, credentials, events } = this.#ports;
    if (asked > this.#usedOf) {
      this.#usedOf = asked;
      this.beats.setPeriod(fresh.nextHeartbeatMs);
      this.replicas = fresh.replicas ?? this.replicas;
      this.draining = fresh.draining === true;
    }
    events.rates?.(fresh.rates, fresh.replicas ?? this.replicas);
    events.usageCursor(fresh.usageCursor);
    if (fresh.escrow !== undefined) events.escrow?.(fresh.escrow);
    if (fresh.dataKeys !== undefined) events.dataKeys(fresh.dataKeys);
    for (const query of fresh.queries ?? []) events.query(query);
    if (fresh.natsJwt !== undefined && asked > this.#credentialOf) {
      this.#credentialOf = asked;
      courier.useNatsJwt(fresh.natsJwt);
      credentials(fresh.natsJwt);
    }
  }

  #hasLongLog(): boolean {
    const { snapshotBytes, logBytes, logDeltas } = this.writer.sizes;
    return logDeltas > COMPACT_DELTAS || logBytes > Math.max(COMPACT_BYTES_MIN, snapshotBytes / 2);
  }

  #persisted(n: number): void {
    this.dispatch({ type: "persisted", n });
    const { logDeltas, replacements } = this.writer.sizes;
    // What was damaged has no freshness after a restart until all of it has been written anew.
    const damaged = this.loaded.condition === "damaged" && replacements === 0;
    const everyMs = damaged ? REPAIR_EVERY_MS : COMPACT_EVERY_MS;
    const nowMs = this.#ports.clock.monoMs();
    if (!(damaged || this.#hasLongLog()) || nowMs - this.#compactedAtMs < everyMs) return;
    this.#compactedAtMs = nowMs;
    // Snapshots are shared and up to a minute old: after a catch-up one may lie before all that was just fetched.
    void this.fetcher.compact(damaged ? 0 : this.state.durable.rev - Math.floor(logDeltas / 2));
  }

  #drop(code: string, detail: string): void {
    this.dropped[code] = (this.dropped[code] ?? 0) + 1;
    this.#ports.log.debug({ code, detail }, "a message changed nothing");
  }

  #alarm(alarm: string): void {
    this.alarms[alarm] = (this.alarms[alarm] ?? 0) + 1;
    this.#ports.log.error({ alarm, nack: this.state.nack, at: this.state.at }, "following raised an alarm");
  }
}
