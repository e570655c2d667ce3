/** The limits of keys on this replica: requests and tokens per minute, and requests at the same time. */
import type { Clock } from "../ports.ts";
import type { LimitBook, Limited, LimitKind, RateDecision } from "../rooms.ts";
import { type Bucket, concurrencyShare, equalShare, type Share, take } from "./rate.ts";

interface Book {
  inflight: number;
  requests: Bucket | undefined;
  tokens: Bucket | undefined;
}

const NO_HEADERS: readonly string[] = [];
const BOOKS_SWEPT_ABOVE = 10_000;

/** `replicas` tells how many replicas share each limit now; 1 when that is not known. */
export function createLimits(clock: Clock, replicas: () => number): LimitBook {
  const books = new Map<string, Book>();
  const bookOf = (keyId: string): Book => {
    let book = books.get(keyId);
    if (book === undefined) {
      if (books.size >= BOOKS_SWEPT_ABOVE) sweep(books, clock.monoMs());
      book = { inflight: 0, requests: undefined, tokens: undefined };
      books.set(keyId, book);
    }
    return book;
  };
  const takeOf = (id: string, rates: Rates, estimatedTokens: number): RateDecision => {
    if (rates.requestsPerMinute === null && rates.tokensPerMinute === null) {
      return { ok: true, headers: NO_HEADERS };
    }
    return takeBoth(bookOf(id), rates, estimatedTokens, replicas(), clock.monoMs());
  };
  return {
    enter({ keyId, maxConcurrency }) {
      const book = bookOf(keyId);
      if (maxConcurrency !== null && book.inflight >= concurrencyShare(maxConcurrency, replicas()))
        return false;
      book.inflight++;
      return true;
    },
    leave(keyId) {
      const book = books.get(keyId);
      if (book !== undefined) book.inflight--;
    },
    takeRate(who, estimatedTokens) {
      const taken = takeOf(who.keyId, who, estimatedTokens);
      if (!taken.ok || who.token === undefined) return taken;
      const narrower = takeOf(who.token.id, who.token, estimatedTokens);
      if (!narrower.ok) giveBackTo(books.get(who.keyId), who, estimatedTokens);
      return narrower;
    },
    giveBack(who, estimatedTokens) {
      giveBackTo(books.get(who.keyId), who, estimatedTokens);
      if (who.token !== undefined) giveBackTo(books.get(who.token.id), who.token, estimatedTokens);
    },
    correct({ keyId, token }, estimatedTokens, usedTokens) {
      for (const id of [keyId, token?.id]) {
        const tokens = id === undefined ? undefined : books.get(id)?.tokens;
        if (tokens !== undefined) tokens.level += estimatedTokens - usedTokens;
      }
    },
  };
}

type Rates = Pick<Limited, "requestsPerMinute" | "tokensPerMinute">;

function giveBackTo(book: Book | undefined, rates: Rates, estimatedTokens: number): void {
  if (book?.requests !== undefined && rates.requestsPerMinute !== null) book.requests.level += 1;
  if (book?.tokens !== undefined && rates.tokensPerMinute !== null) book.tokens.level += estimatedTokens;
}

function takeBoth(book: Book, who: Rates, estimate: number, replicas: number, nowMs: number): RateDecision {
  const headers: string[] = [];
  let requests: { bucket: Bucket; share: Share } | undefined;
  if (who.requestsPerMinute !== null) {
    const share = equalShare(who.requestsPerMinute, replicas);
    book.requests ??= { level: share.burst, atMs: nowMs };
    requests = { bucket: book.requests, share };
    const taken = take(requests.bucket, share, 1, nowMs);
    describe(headers, "requests", who.requestsPerMinute, requests.bucket, share);
    if (!taken.ok) return { ok: false, limit: "requests", retryAfterMs: taken.retryAfterMs, headers };
  }
  if (who.tokensPerMinute !== null) {
    const share = equalShare(who.tokensPerMinute, replicas);
    book.tokens ??= { level: share.burst, atMs: nowMs };
    const taken = take(book.tokens, share, estimate, nowMs);
    describe(headers, "tokens", who.tokensPerMinute, book.tokens, share);
    if (!taken.ok) {
      if (requests !== undefined) requests.bucket.level += 1;
      return { ok: false, limit: "tokens", retryAfterMs: taken.retryAfterMs, headers };
    }
  }
  return { ok: true, headers };
}

/** The headers that OpenAI's clients know: the limit, what is left here, and when the bucket is full again. */
function describe(headers: string[], kind: LimitKind, limit: number, { level }: Bucket, share: Share): void {
  const resetMs = share.rate > 0 ? Math.max(0, share.burst - level) / share.rate : 60_000;
  headers.push(`x-ratelimit-limit-${kind}`, String(limit));
  headers.push(`x-ratelimit-remaining-${kind}`, String(Math.max(0, Math.floor(level))));
  headers.push(`x-ratelimit-reset-${kind}`, `${(resetMs / 1000).toFixed(3)}s`);
}

/** Forgets keys whose buckets are full again: a full bucket is what a key without a book starts with. */
function sweep(books: Map<string, Book>, nowMs: number): void {
  for (const [keyId, book] of books) {
    const idle = (bucket: Bucket | undefined) => bucket === undefined || nowMs - bucket.atMs > 120_000;
    if (book.inflight === 0 && idle(book.requests) && idle(book.tokens)) books.delete(keyId);
  }
}
