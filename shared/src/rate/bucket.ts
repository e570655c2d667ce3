/**
 * A replica's part of one limit of one key, as it is used: its share, and its floor beside it. The bargain: it fills more
 * slowly than it was dealt, by as much as a clock may be fast; a share ends by itself, by whichever clock says so first;
 * and growing fills nothing.
 */
import { DRIFT_MAX } from "../sync/assumptions.ts";
import type { Instant } from "../sync/freshness.ts";
import type { Share } from "./book.ts";
import type { Rate } from "./limit.ts";

/** One owner holds it and hands it to the functions here, which change it in place. */
export interface Bucket {
  /** The share that is used; 0: none yet. */
  share: number;
  /** As it was dealt. */
  dealtRate: number;
  dealtBurst: number;
  floorRate: number;
  floorBurst: number;
  /** Of both together. */
  rate: number;
  burst: number;
  /** May be below zero: a debt of what was used beyond its estimate. */
  tokens: number;
  /** By the monotonic clock. */
  atMs: number;
  endMonoMs: number;
  endWallMs: number;
}

/** Nothing but a floor, which starts empty. */
export function emptyBucket(floor: Rate, nowMonoMs: number): Bucket {
  return {
    share: 0,
    dealtRate: 0,
    dealtBurst: 0,
    floorRate: floor.rate,
    floorBurst: floor.burst,
    rate: slowed(floor.rate),
    burst: floor.burst,
    tokens: 0,
    atMs: nowMonoMs,
    endMonoMs: Number.POSITIVE_INFINITY,
    endWallMs: Number.POSITIVE_INFINITY,
  };
}

/** Uses a share from now on, unless it is older than the one in use. `sent`: when the report it answers was sent. */
export function takeUp(bucket: Bucket, share: Share, sent: Instant, now: Instant): void {
  if (share.id <= bucket.share) return;
  fill(bucket, now.monoMs, now.wallMs);
  bucket.share = share.id;
  bucket.dealtRate = share.rate;
  bucket.dealtBurst = share.burst;
  bucket.endMonoMs = sent.monoMs + share.ttlMs;
  bucket.endWallMs = sent.wallMs + share.ttlMs;
  addUp(bucket);
  bucket.tokens = Math.min(bucket.tokens + share.tokens, bucket.burst);
}

/** Another floor from now on. */
export function putFloor(bucket: Bucket, floor: Rate, now: Instant): void {
  if (floor.rate === bucket.floorRate && floor.burst === bucket.floorBurst) return;
  fill(bucket, now.monoMs, now.wallMs);
  bucket.floorRate = floor.rate;
  bucket.floorBurst = floor.burst;
  addUp(bucket);
  bucket.tokens = Math.min(bucket.tokens, bucket.burst);
}

/** The limit was edited: until another share comes, no more than all of it is used. */
export function fitTo(bucket: Bucket, whole: Rate, floor: Rate): void {
  bucket.dealtRate = Math.min(bucket.dealtRate, whole.rate - floor.rate);
  bucket.dealtBurst = Math.min(bucket.dealtBurst, whole.burst - floor.burst);
  bucket.floorRate = floor.rate;
  bucket.floorBurst = floor.burst;
  addUp(bucket);
  bucket.tokens = Math.min(bucket.tokens, bucket.burst);
}

/** The share in use as it was dealt, for the next report; one that is over is said to be nothing. */
export function heldShare(bucket: Bucket, now: Instant): Rate & { readonly id: number } {
  fill(bucket, now.monoMs, now.wallMs);
  return { id: bucket.share, rate: bucket.dealtRate, burst: bucket.dealtBurst };
}

/** What `take` says when no time is known after which it would succeed, in milliseconds. */
export const NEVER_MS = 60_000;

/**
 * Takes `n` tokens or none. Returns 0 when they were taken, else the milliseconds until they could be. With `debt`, more
 * than a burst is admitted by a full bucket and paid back afterwards: a request whose estimate is larger than the burst
 * could never be admitted otherwise.
 */
export function take(bucket: Bucket, n: number, debt: boolean, nowMonoMs: number, nowWallMs: number): number {
  fill(bucket, nowMonoMs, nowWallMs);
  const needed = debt ? Math.min(n, bucket.burst) : n;
  if (bucket.burst >= 1 && bucket.tokens >= needed) {
    bucket.tokens -= n;
    return 0;
  }
  const fits = bucket.rate > 0 && bucket.burst >= 1 && needed <= bucket.burst;
  return fits ? Math.max(1, Math.ceil((needed - bucket.tokens) / bucket.rate)) : NEVER_MS;
}

/** An estimate turned out to be another figure: what was too much comes back, what was too little is owed. */
export function correct(bucket: Bucket, estimated: number, used: number): void {
  bucket.tokens = Math.min(bucket.burst, bucket.tokens + estimated - used);
}

/** Brings it up to now; a clock that went back fills nothing. */
export function fill(bucket: Bucket, nowMonoMs: number, nowWallMs: number): void {
  if (nowMonoMs > bucket.endMonoMs || nowWallMs > bucket.endWallMs) end(bucket);
  const passedMs = Math.max(0, nowMonoMs - bucket.atMs);
  bucket.tokens = Math.min(bucket.burst, bucket.tokens + passedMs * bucket.rate);
  bucket.atMs = Math.max(bucket.atMs, nowMonoMs);
}

function end(bucket: Bucket): void {
  bucket.dealtRate = 0;
  bucket.dealtBurst = 0;
  bucket.endMonoMs = Number.POSITIVE_INFINITY;
  bucket.endWallMs = Number.POSITIVE_INFINITY;
  addUp(bucket);
  bucket.tokens = Math.min(bucket.burst, bucket.tokens);
}

function addUp(bucket: Bucket): void {
  bucket.rate = slowed(bucket.dealtRate + bucket.floorRate);
  bucket.burst = bucket.dealtBurst + bucket.floorBurst;
}

function slowed(rate: number): number {
  return rate * (1 - DRIFT_MAX);
}
