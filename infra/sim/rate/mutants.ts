/** Rules of rate shares, each taken out. */
import type { Mutant } from "../mutants.ts";

const BOOK = "shared/src/rate/book.ts";
const BUCKET = "shared/src/rate/bucket.ts";
const DEALER = "shared/src/rate/dealer.ts";
const ENTRY = "shared/src/rate/entry.ts";
const HOLDER = "shared/src/rate/holder.ts";
const PERMITS = "shared/src/rate/permits.ts";

const requests: readonly Mutant[] = [
  {
    name: "R1",
    rule: "more is dealt than others have left",
    variant: "rate",
    replacements: [
      { file: BOOK, find: "const left = free(book, replica);", replace: "const left = book.limit;" },
    ],
  },
  {
    name: "R2",
    rule: "a bucket that grows is full",
    variant: "rate",
    replacements: [
      {
        file: BUCKET,
        find: "bucket.tokens = Math.min(bucket.tokens + share.tokens, bucket.burst);",
        replace: "bucket.tokens = bucket.burst;",
      },
    ],
  },
  {
    name: "R3",
    rule: "only the newest share of a replica is booked",
    variant: "rate",
    replacements: [
      {
        file: BOOK,
        find: "line.shares = [...line.shares, { id, rate, burst, untilMs",
        replace: "line.shares = [{ id, rate, burst, untilMs",
      },
    ],
  },
  {
    name: "R4",
    rule: "a share is used after it is over",
    variant: "rate",
    replacements: [
      {
        file: BUCKET,
        find: "if (nowMonoMs > bucket.endMonoMs || nowWallMs > bucket.endWallMs) end(bucket);",
        replace: "if (bucket.endMonoMs < 0) end(bucket);",
      },
    ],
  },
  {
    name: "R5",
    rule: "a share lasts from its arrival",
    variant: "rate",
    replacements: [
      {
        file: BUCKET,
        find: "bucket.endMonoMs = sent.monoMs + share.ttlMs;\n  bucket.endWallMs = sent.wallMs + share.ttlMs;",
        replace:
          "bucket.endMonoMs = now.monoMs + share.ttlMs;\n  bucket.endWallMs = now.wallMs + share.ttlMs;",
      },
    ],
  },
  {
    name: "R6",
    rule: "a bucket fills as fast as its clock runs",
    variant: "rate",
    replacements: [{ file: BUCKET, find: "return rate * (1 - DRIFT_MAX);", replace: "return rate;" }],
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
        find: "if (book.unheard.size > 0) {\n    return { rate: Math.min(",
        replace: "if (book.unheard.size < 0) {\n    return { rate: Math.min(",
      },
    ],
  },
  {
    name: "R9",
    rule: "only the clock that stands still with the machine ends a share",
    variant: "rate",
    replacements: [
      {
        file: BUCKET,
        find: "nowMonoMs > bucket.endMonoMs || nowWallMs > bucket.endWallMs",
        replace: "nowMonoMs > bucket.endMonoMs",
      },
    ],
  },
  {
    name: "R10",
    rule: "a late report gives back what was dealt since",
    variant: "rate",
    replacements: [{ file: DEALER, find: "if (late || !knows)", replace: "if (!knows)" }],
  },
  {
    name: "R11",
    rule: "who does not know of a loss is dealt to",
    variant: "rate",
    replacements: [{ file: DEALER, find: "if (late || !knows)", replace: "if (late)" }],
  },
  {
    name: "R12",
    rule: "what was dealt to a key before it was forgotten is used after",
    variant: "rate",
    replacements: [
      {
        file: HOLDER,
        find: "entry === undefined || entry.sinceMonoMs > sent.at.monoMs",
        replace: "entry === undefined",
      },
    ],
  },
  {
    name: "R13",
    rule: "floors are not taken out of what is dealt",
    variant: "rate",
    replacements: [
      {
        file: "shared/src/rate/limit.ts",
        find: "return { rate: whole.rate - floor.rate, burst: whole.burst - floor.burst };",
        replace: "return floor.rate > 0 ? whole : whole;",
      },
    ],
  },
  {
    name: "R14",
    rule: "who is enrolled later has a floor before others have given some up",
    variant: "rate",
    replacements: [
      {
        file: DEALER,
        find: "return { id: share.id, part: share.rate };",
        replace: "return { id: share.id, part: 1 };",
      },
    ],
  },
];

const permits: readonly Mutant[] = [
  {
    name: "P1",
    rule: "more permits are dealt than others have left",
    variant: "permits",
    replacements: [{ file: PERMITS, find: "Math.max(0, free(book, replica))", replace: "book.max" }],
  },
  {
    name: "P2",
    rule: "a smaller number of permits is in force while more are in use",
    variant: "permits",
    replacements: [
      { file: PERMITS, find: "inflight <= held.permits ? held.id : 0", replace: "held.id" },
      { file: PERMITS, find: "line.inflight = inflight;", replace: "line.inflight = 0;" },
    ],
  },
  {
    name: "P3",
    rule: "only the newest permits of a replica are booked",
    variant: "permits",
    replacements: [
      { file: PERMITS, find: "line.shares = [...line.shares, share];", replace: "line.shares = [share];" },
    ],
  },
  {
    name: "P4",
    rule: "permits are used after they are over",
    variant: "permits",
    replacements: [
      {
        file: ENTRY,
        find: "if (nowMonoMs > places.endMonoMs || nowWallMs > places.endWallMs) places.permits = 0;",
        replace: "",
      },
    ],
  },
  {
    name: "P5",
    rule: "a lost book deals permits before everybody has said what he holds",
    variant: "permits",
    replacements: [
      {
        file: PERMITS,
        find: "book.unheard.size > 0 ? Math.min(wished, held.permits) : wished",
        replace: "book.unheard.size < 0 ? Math.min(wished, held.permits) : wished",
      },
    ],
  },
  {
    name: "P6",
    rule: "older permits replace newer ones",
    variant: "permits",
    replacements: [{ file: ENTRY, find: "if (id <= places.share) return false;", replace: "" }],
  },
];

export const rateMutants: readonly Mutant[] = [...requests, ...permits];
