/**
 * Requests and tokens per minute as token buckets of this replica's equal share. Quality of service, not money.
 *
 * Given up until shares are dealt by demand: a limit smaller than the number of replicas still gives each of them a
 * burst of one, so that the key stays usable everywhere; the fleet may then admit up to one request per replica at once
 * where the limit says fewer. Rates add up to the limit in every case. Zero admits nothing.
 */

export interface Bucket {
  /** May be below zero: a debt of tokens that were used beyond the estimate. */
  level: number;
  atMs: number;
}

/** One limit of one key, as this replica holds it. */
export interface Share {
  /** Per millisecond. */
  readonly rate: number;
  readonly burst: number;
}

/** This replica's part of a limit per minute. `burst` of the whole is min(L, max(10, ⌈L/6⌉)), as in PROTOCOL §2.9. */
export function equalShare(limitPerMinute: number, replicas: number): Share {
  if (limitPerMinute <= 0) return { rate: 0, burst: 0 };
  const whole = Math.min(limitPerMinute, Math.max(10, Math.ceil(limitPerMinute / 6)));
  return { rate: limitPerMinute / replicas / 60_000, burst: Math.max(1, whole / replicas) };
}

/** This replica's part of a concurrency limit: the equal share, rounded down, and one where that would be none. */
export function concurrencyShare(limit: number, replicas: number): number {
  return limit <= 0 ? 0 : Math.max(1, Math.floor(limit / replicas));
}

export type Take = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number };

/** Fills the bucket up to now and takes `n`, or says how long until it could. More than a burst needs a full bucket. */
export function take(bucket: Bucket, share: Share, n: number, nowMs: number): Take {
  fill(bucket, share, nowMs);
  const needed = Math.min(n, share.burst);
  if (share.burst > 0 && bucket.level >= needed) {
    bucket.level -= n;
    return { ok: true };
  }
  const missing = needed - bucket.level;
  return { ok: false, retryAfterMs: share.rate > 0 ? Math.ceil(missing / share.rate) : 60_000 };
}

/** Fills up; an enlarged share keeps its level, a smaller one is cut to its burst. */
export function fill(bucket: Bucket, share: Share, nowMs: number): void {
  const passedMs = Math.max(0, nowMs - bucket.atMs);
  bucket.level = Math.min(share.burst, bucket.level + passedMs * share.rate);
  bucket.atMs = nowMs;
}
