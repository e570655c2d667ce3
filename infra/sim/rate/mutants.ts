/** Rules of rate shares, each taken out. */
import type { Mutant } from "../mutants.ts";

const BOOK = "shared/src/rate/book.ts";
const BUCKET = "shared/src/rate/bucket.ts";

export const rateMutants: readonly Mutant[] = [
  {
    name: "R1",
    rule: "more is dealt than others have left",
    variant: "rate",
    replacements: [{ file: BOOK, find: "const left = free(book, replica);", replace: "const left = limit;" }],
  },
  {
    name: "R2",
    rule: "a bucket that grows is full",
    variant: "rate",
    replacements: [
      {
        file: BUCKET,
        find: "bucket.tokens = Math.min(bucket.tokens + share.tokens, share.burst);",
        replace: "bucket.tokens = share.burst;",
      },
    ],
  },
  {
    name: "R3",
    rule: "only the newest share of a replica is booked",
    variant: "rate",
    replacements: [
      { file: BOOK, find: "line.shares = [...line.shares, { id, rate", replace: "line.shares = [{ id, rate" },
    ],
  },
  {
    name: "R4",
    rule: "a share is used after it is over",
    variant: "rate",
    replacements: [{ file: BUCKET, find: "if (nowMs > bucket.endMs) {", replace: "if (bucket.endMs < 0) {" }],
  },
  {
    name: "R5",
    rule: "a share lasts from its arrival",
    variant: "rate",
    replacements: [
      {
        file: BUCKET,
        find: "bucket.endMs = sentMs + share.ttlMs;",
        replace: "bucket.endMs = nowMs + share.ttlMs;",
      },
    ],
  },
  {
    name: "R6",
    rule: "a bucket fills as fast as its clock runs",
    variant: "rate",
    replacements: [
      {
        file: BUCKET,
        find: "bucket.rate = share.rate * (1 - DRIFT_MAX);",
        replace: "bucket.rate = share.rate;",
      },
    ],
  },
  {
    name: "R7",
    rule: "an older share replaces a newer one",
    variant: "rate",
    replacements: [{ file: BUCKET, find: "if (share.id <= bucket.share) return;", replace: "" }],
  },
  {
    name: "R8",
    rule: "a book that was lost deals before everybody has said what he holds",
    variant: "rate",
    replacements: [
      {
        file: BOOK,
        find: "if (book.unheard.size === 0) return { rate, burst };",
        replace: "if (book.unheard.size >= 0) return { rate, burst };",
      },
    ],
  },
];
