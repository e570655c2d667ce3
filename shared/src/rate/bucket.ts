/**
 * A replica's share of one limit of one key, as it is used. The bargain: it fills more slowly than it was dealt, by as
 * much as a clock may be fast; it ends by itself; and growing fills nothing.
 */
import { DRIFT_MAX } from "../sync/assumptions.ts";
import type { Share } from "./book.ts";
import type { Rate } from "./limit.ts";

/** Times are monotonic milliseconds. One owner holds it and hands it to the functions here, which change it in place. */
export interface Bucket {
  /** The share that is used; 0: none yet. */
  share: number;
  rate: number;
  burst: number;
  /** May be below zero: a debt of what was used beyond its estimate. */
  tokens: number;
  atMs: number;
  endMs: number;
}

export function emptyBucket(nowMs: number): Bucket {
  return { share: 0, rate: 0, burst: 0, tokens: 0, atMs: nowMs, endMs: nowMs };
}

/** A bucket that never ends, for the floor: it starts empty. */
export function floorBucket(floor: Rate, nowMs: number): Bucket {
  const { rate, burst } = floor;
  return { ...emptyBucket(nowMs), rate: rate * (1 - DRIFT_MAX), burst, endMs: Number.POSITIVE_INFINITY };
}

/** Uses a share from now on, unless it is older than the one in use. `sentMs`: when the report it answers was sent. */
export function takeUp(bucket: Bucket, share: Share, sentMs: number, nowMs: number): void {
  if (share.id <= bucket.share) return;
  fill(bucket, nowMs);
  bucket.share = share.id;
  bucket.rate = share.rate * (1 - DRIFT_MAX);
  bucket.burst = share.burst;
  bucket.tokens = Math.min(bucket.tokens + share.tokens, share.burst);
  bucket.endMs = sentMs + share.ttlMs;
}

/** The share in use as it was dealt, for the next report; one that is over is said to be nothing. */
export function heldShare(bucket: Bucket, nowMs: number): Rate & { readonly id: number } {
  fill(bucket, nowMs);
  const { share, rate, burst } = bucket;
  return { id: share, rate: rate / (1 - DRIFT_MAX), burst };
}

export type Take = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number };

/** Told when no time is known after which it would succeed. */
const NEVER_MS = 60_000;

/**
 * Takes `n` tokens or none. With `debt`, more than a burst is admitted by a full bucket and paid back afterwards: a
 * request whose estimate is larger than the burst could never be admitted otherwise.
 */
export function take(bucket: Bucket, n: number, debt: boolean, nowMs: number): Take {
  fill(bucket, nowMs);
  const needed = debt ? Math.min(n, bucket.burst) : n;
  if (bucket.burst > 0 && bucket.tokens >= needed) {
    bucket.tokens -= n;
    return { ok: true };
  }
  const fits = bucket.rate > 0 && needed <= bucket.burst;
  return { ok: false, retryAfterMs: fits ? Math.ceil((needed - bucket.tokens) / bucket.rate) : NEVER_MS };
}

/** An estimate turned out to be another figure: what was too much comes back, what was too little is owed. */
export function correct(bucket: Bucket, estimated: number, used: number, nowMs: number): void {
  fill(bucket, nowMs);
  bucket.tokens = Math.min(bucket.burst, bucket.tokens + estimated - used);
}

function fill(bucket: Bucket, nowMs: number): void {
  if (nowMs > bucket.endMs) {
    bucket.rate = 0;
    bucket.burst = 0;
    bucket.tokens = Math.min(0, bucket.tokens);
  }
  const passedMs = Math.max(0, nowMs - bucket.atMs);
  bucket.tokens = Math.min(bucket.burst, bucket.tokens + passedMs * bucket.rate);
  bucket.atMs = Math.max(bucket.atMs, nowMs);
}
