/** One key's limits at a replica, as requests use them: two buckets and a count. Nothing here waits or allocates. */
import type { Instant } from "../sync/freshness.ts";
import {
  type Bucket,
  correct,
  emptyBucket,
  fill,
  fitTo,
  heldShare,
  NEVER_MS,
  putFloor,
  take,
  takeUp,
} from "./bucket.ts";
import { type Demand, measure, noDemand } from "./demand.ts";
import { floorOf, floorPermitsOf, type Rate, wholeOf } from "./limit.ts";
import type { KeyReport, KeyShares, PermitsDealt, PermitsHeld, RateHeld } from "./message.ts";

/** Limits as a request brings them; null: none. */
export interface Asked {
  readonly keyId: string;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly maxConcurrency: number | null;
}

/** Whether there is anything to hold of it; requests of others are not counted. */
export function isLimited({ requestsPerMinute, tokensPerMinute, maxConcurrency }: Asked): boolean {
  return requestsPerMinute !== null || tokensPerMinute !== null || maxConcurrency !== null;
}

/** A limit per minute. */
export interface Line {
  perMinute: number;
  readonly bucket: Bucket;
  readonly demand: Demand;
}

/** A limit of requests at the same time. */
export interface Places {
  max: number;
  floor: number;
  share: number;
  permits: number;
  endMonoMs: number;
  endWallMs: number;
  /** The most at once since the last report, refused ones included, and what that was worth before. */
  peak: number;
  wanted: number;
  /** Of the last report. */
  atMs: number;
}

export interface Entry {
  readonly key: string;
  /** When it was made: answers to reports of before then are not for it. */
  readonly sinceMonoMs: number;
  usedMonoMs: number;
  /** Of a key with any limit: what they use comes when they end, so until then it is not forgotten. */
  inflight: number;
  requests: Line | undefined;
  tokens: Line | undefined;
  places: Places | undefined;
  /** Some of it was dealt in an earlier generation, or before this process knew of any. */
  old: boolean;
  /** It has something to say in the next report. */
  lively: boolean;
}

export function newEntry(key: string, nowMonoMs: number): Entry {
  return {
    ...{ key, sinceMonoMs: nowMonoMs, usedMonoMs: nowMonoMs, inflight: 0 },
    ...{ requests: undefined, tokens: undefined, places: undefined, old: false, lively: true },
  };
}

/** What a replica may use of every limit without being dealt any. */
export interface Own {
  /** Of all floors. */
  readonly part: number;
  /** Not dealt to at all: an equal part of each limit among so many, full at the start; 0: dealt to. */
  readonly equal: number;
}

/** Of a limit per minute. One whole token is left to everybody, where parts are equal. */
export function ownOf(perMinute: number, { part, equal }: Own): Rate {
  if (equal === 0) return floorOf(perMinute, part);
  const { rate, burst } = wholeOf(perMinute);
  return { rate: rate / equal, burst: burst === 0 ? 0 : Math.max(1, burst / equal) };
}

/** Of requests at the same time. */
export function ownPermitsOf(max: number, { part, equal }: Own): number {
  if (equal === 0) return floorPermitsOf(max, part);
  return max <= 0 ? 0 : Math.max(1, Math.floor(max / equal));
}

/** The line of a limit as it is now: with an edited limit it uses no more than all of it. */
export function lineOf(held: Line | undefined, perMinute: number, own: Own, nowMonoMs: number): Line {
  if (held === undefined) {
    const bucket = emptyBucket(ownOf(perMinute, own), nowMonoMs);
    if (own.equal > 0) bucket.tokens = bucket.burst;
    return { perMinute, bucket, demand: noDemand(nowMonoMs) };
  }
  if (held.perMinute !== perMinute) {
    held.perMinute = perMinute;
    fitTo(held.bucket, wholeOf(perMinute), ownOf(perMinute, own));
  }
  return held;
}

/** Takes `n` or nothing; 0, or how long until it could be. */
export function takeOf(line: Line, n: number, debt: boolean, nowMonoMs: number, nowWallMs: number): number {
  line.demand.n += n;
  return line.perMinute <= 0 ? NEVER_MS : take(line.bucket, n, debt, nowMonoMs, nowWallMs);
}

/** What was taken was another figure. `now` where that is learnt later: what is owed is no less for a bucket long full. */
export function correctOf(line: Line | undefined, estimated: number, used: number, now?: Instant): void {
  if (line === undefined) return;
  if (now !== undefined) fill(line.bucket, now.monoMs, now.wallMs);
  line.demand.n += Math.max(0, used - estimated);
  correct(line.bucket, estimated, used);
}

export function placesOf(held: Places | undefined, max: number, own: Own, nowMonoMs: number): Places {
  if (held === undefined) {
    const never = Number.POSITIVE_INFINITY;
    const floor = ownPermitsOf(max, own);
    const none = { share: 0, permits: 0, peak: 0, wanted: 0 };
    return { max, floor, ...none, endMonoMs: never, endWallMs: never, atMs: nowMonoMs };
  }
  if (held.max !== max) {
    held.max = max;
    held.permits = Math.min(held.permits, max);
    held.floor = ownPermitsOf(max, own);
  }
  return held;
}

/** Whether one more may be in flight. */
export function mayEnter(entry: Entry, places: Places, nowMonoMs: number, nowWallMs: number): boolean {
  places.peak = Math.max(places.peak, entry.inflight + 1);
  if (nowMonoMs > places.endMonoMs || nowWallMs > places.endWallMs) places.permits = 0;
  return entry.inflight < Math.min(places.max, places.permits + places.floor);
}

/** Whether nothing was dealt of a limit that it is asked for: it is worth waiting for the first share. */
export function lacks(entry: Entry): boolean {
  const { requests, tokens, places } = entry;
  return (
    (requests !== undefined && requests.perMinute > 0 && requests.bucket.dealtBurst < 1) ||
    (tokens !== undefined && tokens.perMinute > 0 && tokens.bucket.dealtBurst < 1) ||
    (places !== undefined && places.max > 0 && places.permits < 1)
  );
}

/** A peak that was this long ago counts half. */
const PEAK_HALF_LIFE_MS = 4_000;

/** What it says of itself, and whether somebody still asks for it. */
export function reportOf(
  entry: Entry,
  now: Instant,
): { readonly report: KeyReport; readonly lively: boolean } {
  const { key, places } = entry;
  const requests = rateHeld(entry.requests, now);
  const tokens = rateHeld(entry.tokens, now);
  const permits = places && permitsHeld(entry, places, now);
  const lively =
    (requests?.demand ?? 0) > 0 ||
    (tokens?.demand ?? 0) > 0 ||
    entry.inflight > 0 ||
    (permits?.wanted ?? 0) > 0;
  return { report: { key, requests, tokens, permits }, lively };
}

function rateHeld(line: Line | undefined, now: Instant): RateHeld | undefined {
  if (line === undefined) return undefined;
  return { ...heldShare(line.bucket, now), demand: measure(line.demand, now.monoMs) };
}

function permitsHeld({ inflight }: Entry, places: Places, now: Instant): PermitsHeld {
  if (now.monoMs > places.endMonoMs || now.wallMs > places.endWallMs) places.permits = 0;
  const kept = places.wanted * 0.5 ** (Math.max(0, now.monoMs - places.atMs) / PEAK_HALF_LIFE_MS);
  places.atMs = now.monoMs;
  places.wanted = Math.max(places.peak, inflight, kept < 0.5 ? 0 : kept);
  places.peak = inflight;
  const { share: id, permits, floor, wanted } = places;
  return { id, permits, inflight: Math.max(0, inflight - floor), wanted };
}

/** Uses what an answer brings; returns whether somebody waits for it to give something back. */
export function takeUpShares(entry: Entry, dealt: KeyShares, sent: Instant, now: Instant): boolean {
  let shrunk = false;
  for (const [line, share] of [
    [entry.requests, dealt.requests],
    [entry.tokens, dealt.tokens],
  ] as const) {
    if (line === undefined || share === undefined) continue;
    const { dealtRate, dealtBurst } = line.bucket;
    takeUp(line.bucket, share, sent, now);
    shrunk ||= line.bucket.dealtRate < dealtRate || line.bucket.dealtBurst < dealtBurst;
  }
  const { places } = entry;
  if (places !== undefined && dealt.permits !== undefined) {
    shrunk = takeUpPermits(places, dealt.permits, sent) || shrunk;
  }
  return shrunk;
}

function takeUpPermits(places: Places, { id, permits, ttlMs }: PermitsDealt, sent: Instant): boolean {
  if (id <= places.share) return false;
  const before = places.permits;
  places.share = id;
  places.permits = permits;
  places.endMonoMs = sent.monoMs + ttlMs;
  places.endWallMs = sent.wallMs + ttlMs;
  return permits < before;
}

/** Another part of what is not dealt. */
export function putOwn(entry: Entry, own: Own, now: Instant): void {
  const { requests, tokens, places } = entry;
  if (requests !== undefined) putFloor(requests.bucket, ownOf(requests.perMinute, own), now);
  if (tokens !== undefined) putFloor(tokens.bucket, ownOf(tokens.perMinute, own), now);
  if (places !== undefined) places.floor = ownPermitsOf(places.max, own);
}

/** Whether more are in flight than share and floor allow: a floor that became smaller is not in force yet. */
export function isOver({ inflight, places }: Entry): boolean {
  return places !== undefined && inflight > places.permits + places.floor;
}

/** Whether forgetting it gives nobody more than it has: no share is in use here, and a new one has no more in it. */
export function isSpare(entry: Entry, own: Own, now: Instant, giveBack: boolean): boolean {
  if (entry.inflight > 0) return false;
  const { requests, tokens, places } = entry;
  const owes = (line: Line | undefined) =>
    line !== undefined && line.bucket.tokens < (own.equal > 0 ? line.bucket.burst : 0);
  // This fills it up to now as well.
  const uses = (line: Line | undefined) => line !== undefined && heldShare(line.bucket, now).burst > 0;
  const used = uses(requests) || uses(tokens) || (places !== undefined && places.permits > 0);
  return !owes(requests) && !owes(tokens) && (giveBack || !used);
}
