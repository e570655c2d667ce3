/**
 * The heartbeat and its answer: what is spoken of, and when an answer renews the right to admit. The bargain: an
 * answer counts from when its question was sent, once, in this process, and only on the table that it speaks of (I5).
 */

import type { Fresh, Tomb } from "../wire/heartbeat.ts";
import { deniedTombs, forgetDenials } from "./denials.ts";
import { fork } from "./fork.ts";
import { type Instant, measureClock } from "./freshness.ts";
import {
  type HeartbeatCore,
  type Question,
  type ReplicaEffect,
  type ReplicaState,
  stampOf,
} from "./replica-state.ts";

/** Questions that may be open at once; the oldest is given up for another. */
const OUTSTANDING_MAX = 16;

/** Without answers the high-water mark of the clock goes to disk this often, in milliseconds. */
const HIGH_WATER_EVERY_MS = 60_000;

/** Revisions whose aborted requests fit into one heartbeat. */
const ABORTED_MAX = 256;

/** Tombs that fit into one heartbeat. */
const TOMBS_MAX = 200;

/** Says what is held. Both clocks are noted now, before the message leaves. */
export function beat(state: ReplicaState, nonce: string, now: Instant): ReplicaEffect[] {
  const aborted = [...state.aborted].slice(0, ABORTED_MAX).map(([rev, n]) => ({ rev, n }));
  state.asked += 1;
  state.outstanding.set(nonce, { asked: state.asked, sent: now, rev: state.durable.rev, aborted });
  for (const oldest of state.outstanding.keys()) {
    if (state.outstanding.size <= OUTSTANDING_MAX) break;
    state.outstanding.delete(oldest);
  }
  const { epoch, rev, chain } = state.durable;
  const message: HeartbeatCore = {
    v: 1,
    replica: state.identity.replica,
    boot: state.identity.boot,
    nonce,
    wallMs: Math.max(0, Math.floor(now.wallMs)),
    epoch,
    revApplied: rev,
    // What admission remembers of a credential is its signature alone; its rights are read from the table every time.
    revEffective: rev,
    chain,
    aborted,
    // The core corrects by what is to be added; people are told by how much the clock is ahead.
    clockOffsetMs: state.clock.offsetMs === null ? null : 0 - state.clock.offsetMs,
    clockErrorMs: state.clock.errorMs,
  };
  if (state.nack !== undefined) message.nack = state.nack;
  const tombs = tombsOf(state);
  if (tombs.length > 0) message.tombs = tombs;
  return [{ type: "heartbeat", message }];
}

/** What the control plane has to take back, because its database lost it. */
function tombsOf(state: ReplicaState): Tomb[] {
  const tombs: Tomb[] = [];
  for (const id of state.disputed) {
    const record = state.kept.get(id);
    if (record === undefined || record.status === "active") continue;
    tombs.push({ id, generation: record.generation, status: record.status });
  }
  return [...tombs, ...deniedTombs(state)].slice(0, TOMBS_MAX);
}

/** The question is closed: an answer that comes later is an answer to nothing. */
export function heartbeatFailed(state: ReplicaState, nonce: string, now: Instant): ReplicaEffect[] {
  state.outstanding.delete(nonce);
  if (now.wallMs - state.clock.highWaterMs < HIGH_WATER_EVERY_MS || state.at.epoch === 0) return [];
  state.clock = { ...state.clock, highWaterMs: now.wallMs };
  return [appendStamp(state)];
}

/** An authentic answer: to whom, to what, and is the table the one that it proves? */
export function onFresh(state: ReplicaState, fresh: Fresh, now: Instant): ReplicaEffect[] {
  const { identity } = state;
  if (fresh.org !== identity.org || fresh.replica !== identity.replica) {
    return [{ type: "dropped", code: "wrong_org" }];
  }
  const question = state.outstanding.get(fresh.nonce);
  if (fresh.boot !== identity.boot || question === undefined) {
    return [{ type: "dropped", code: "stale_nonce" }];
  }
  state.outstanding.delete(fresh.nonce);
  const effects: ReplicaEffect[] = [{ type: "answered", fresh, asked: question.asked }];
  forgetDenials(state, fresh.cpTimeMs);
  for (const { rev, n } of question.aborted) {
    if (state.aborted.get(rev) === n) state.aborted.delete(rev);
  }
  const trustedBefore = state.clock.trusted;
  state.clock = measureClock(question.sent, now, fresh.cpTimeMs);
  if (trustedBefore && !state.clock.trusted) effects.push({ type: "alarm", code: "clock_untrusted" });
  return [...effects, ...judge(state, fresh, question, now)];
}

function judge(state: ReplicaState, fresh: Fresh, question: Question, now: Instant): ReplicaEffect[] {
  const standing = standingOf(state, fresh, question);
  if (standing === "old") return [{ type: "dropped", code: "old_epoch" }];
  if (standing === "fork") return state.forked ? [sync(state)] : fork(state, fresh.asOf);
  if (standing === "behind") return [{ type: "dropped", code: "behind" }, sync(state)];
  const { sent } = question;
  const basis = state.proof?.basis;
  if (basis?.kind === "running" && basis.sentMonoMs > sent.monoMs) {
    return [{ type: "dropped", code: "duplicate" }];
  }
  state.proof = {
    sentWallMs: sent.wallMs,
    cpTimeMs: fresh.cpTimeMs,
    basis: { kind: "running", sentMonoMs: sent.monoMs, receivedMonoMs: now.monoMs },
  };
  return [appendStamp(state)];
}

/** `proved`: the table is the one that the answer speaks of, or a later one of the same history. */
function standingOf(
  state: ReplicaState,
  fresh: Fresh,
  question: Question,
): "proved" | "behind" | "fork" | "old" {
  const { at } = state;
  if (fresh.epoch !== at.epoch) return fresh.epoch < at.epoch ? "old" : "behind";
  if (fresh.asOf > at.rev) return "behind";
  const known = state.chains.get(fresh.asOf);
  if (known !== undefined && known !== fresh.chain) return "fork";
  // The control plane holds less of this epoch than it has been told: it has lost commits.
  if (fresh.resync) return fresh.asOf < question.rev ? "fork" : "behind";
  return known === undefined ? "behind" : "proved";
}

function sync(state: ReplicaState): ReplicaEffect {
  return { type: "sync", from: state.at, whole: state.forked };
}

function appendStamp(state: ReplicaState): ReplicaEffect {
  const n = state.nextN++;
  state.pending.push({ n, at: state.at, abort: undefined, audit: undefined });
  return { type: "append", n, entry: { kind: "stamp", stamp: stampOf(state) } };
}
