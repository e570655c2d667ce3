/**
 * Rules of the protocol, each taken out of the real source by one replacement. The simulator has to notice every one of
 * them; `seeds.json` records histories in which it does (PROTOCOL §3, "M").
 */

import { moneyMutants } from "./money/mutants.ts";
import { rateMutants } from "./rate/mutants.ts";
import type { VariantName } from "./variants.ts";

export interface Replacement {
  /** Path below the repository's root. */
  readonly file: string;
  /** Stands exactly once in that file. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** What is wrong with it, in one line. */
  readonly rule: string;
  readonly variant: VariantName;
  readonly replacements: readonly Replacement[];
}

const ANSWER = "shared/src/sync/replica-answer.ts";
const REPLICA = "shared/src/sync/replica.ts";
const FRESHNESS = "shared/src/sync/freshness.ts";
const BARRIER = "shared/src/sync/barrier.ts";
const INTAKE = "shared/src/sync/intake.ts";
const TOMBSTONES = "shared/src/sync/tombstones.ts";
const RESTORE = "shared/src/sync/restore.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "M1",
    rule: "age is counted from the answer's arrival instead of the question's departure",
    variant: "base",
    replacements: [{ file: ANSWER, find: "const { sent } = question;", replace: "const sent = now;" }],
  },
  {
    name: "M2",
    rule: "an answer proves a table that has not reached the revision it speaks of",
    variant: "base",
    replacements: [
      {
        file: ANSWER,
        find: 'if (fresh.asOf > at.rev) return "behind";',
        replace: 'if (fresh.asOf > at.rev) return "proved";',
      },
    ],
  },
  {
    name: "M3",
    rule: "a proof is answered before it is recorded",
    variant: "base",
    replacements: [
      {
        file: INTAKE,
        find: '      { type: "record", row },\n      { type: "answer", asOf, epoch, chain, cpTimeMs: nowMs, continuation },',
        replace:
          '      { type: "answer", asOf, epoch, chain, cpTimeMs: nowMs, continuation },\n      { type: "record", row },',
      },
    ],
  },
  {
    name: "M4",
    rule: "an answer counts without a question of one's own behind it",
    variant: "base",
    replacements: [
      {
        file: ANSWER,
        find: "const question = state.outstanding.get(fresh.nonce);",
        replace: "const question = state.outstanding.get(fresh.nonce) ?? { sent: now, rev: 0, aborted: [] };",
      },
      { file: ANSWER, find: "fresh.boot !== identity.boot || ", replace: "" },
    ],
  },
  {
    name: "M5",
    rule: "changes are applied as they come",
    variant: "base",
    replacements: [
      {
        file: REPLICA,
        find: "if (delta.rev > state.at.rev + 1) {",
        replace: "if (delta.rev > state.at.rev + 1 && state.at.epoch === 0) {",
      },
      {
        file: REPLICA,
        find: "if (next.delta.prev !== state.at.chain) return",
        replace: "if (next.delta.prev === undefined) return",
      },
    ],
  },
  {
    name: "M6",
    rule: "a revision is reported before it is on disk",
    variant: "base",
    replacements: [
      {
        file: ANSWER,
        find: "const { epoch, rev, chain } = state.durable;",
        replace: "const { epoch, rev, chain } = state.at;",
      },
    ],
  },
  {
    name: "M7",
    rule: "tombstones do not outlive a snapshot that has lost them",
    variant: "loss",
    replacements: [
      {
        file: TOMBSTONES,
        find: "    if (folded === after) continue;",
        replace: "    if (folded === after || held !== next) continue;",
      },
    ],
  },
  {
    name: "M7b",
    rule: "an old epoch's snapshot is taken like any other",
    variant: "base",
    replacements: [
      {
        file: REPLICA,
        find: 'if (at.epoch < state.at.epoch) return [{ type: "dropped", code: "old_epoch" }];\n  const onward = at.epoch > state.at.epoch ||',
        replace: "const onward = at.epoch !== state.at.epoch ||",
      },
    ],
  },
  {
    name: "M17",
    rule: "a clock that ran backwards over a restart is believed",
    variant: "clock",
    replacements: [
      { file: FRESHNESS, find: "if (now.wallMs < stamp.clock.highWaterMs) return undefined;", replace: "" },
    ],
  },
  {
    name: "M18",
    rule: "age is measured by the monotonic clock alone",
    variant: "base",
    replacements: [
      {
        file: FRESHNESS,
        find: "return Math.max(now.monoMs - basis.sentMonoMs, now.wallMs - proof.sentWallMs);",
        replace: "return now.monoMs - basis.sentMonoMs;",
      },
    ],
  },
  {
    name: "M19",
    rule: "a proof read from disk is aged without the margin for skew",
    variant: "base",
    replacements: [
      {
        file: FRESHNESS,
        find: "return atLoad + sinceLoaded + SKEW_MS_MAX;",
        replace: "return atLoad + sinceLoaded;",
      },
    ],
  },
  {
    name: "M21",
    rule: "the previous generation of the state keeps its freshness",
    variant: "damage",
    replacements: [
      {
        file: RESTORE,
        find: "state.proof = unbroken ? coldProof(stamp, now) : undefined;",
        replace: "state.proof = coldProof(stamp, now);",
      },
    ],
  },
  {
    name: "C1",
    rule: "the promise forgets how long the version in force may be held",
    variant: "base",
    replacements: [
      {
        file: BARRIER,
        find: "(stalenessSecondsHi * 1000) / (1 - DRIFT_MAX)",
        replace: "Math.min(stalenessSecondsHi, 30) * 1000",
      },
    ],
  },
  {
    name: "C2",
    rule: "a process that has ended keeps speaking for its replica",
    variant: "base",
    replacements: [
      {
        file: "shared/src/sync/boot.ts",
        find: "|| startsOf(boot) > startsOf(held)",
        replace: "|| startsOf(boot) < startsOf(held)",
      },
    ],
  },
  {
    name: "M7c",
    rule: "an epoch is adopted by whoever hears of it, whatever is held",
    variant: "base",
    replacements: [
      {
        file: REPLICA,
        find: "const held = continues === state.at.epoch && at.rev === state.at.rev && at.chain === state.at.chain;",
        replace: "const held = continues === state.at.epoch;",
      },
    ],
  },
  {
    name: "C3",
    rule: "what was kept dead is forgotten at the next start",
    variant: "loss",
    replacements: [{ file: RESTORE, find: "state.table.keepKey(record);", replace: "" }],
  },
  {
    name: "C4",
    rule: "a key that is closed by caution is answered as if its owner had deactivated it",
    variant: "loss",
    replacements: [
      {
        file: "shared/src/decide/admit.ts",
        find: '  if (view.closed(key.id)) return refuse("authorization_stale");\n',
        replace: "",
      },
    ],
  },
  {
    name: "G1",
    rule: "a change is applied over a gap",
    variant: "base",
    replacements: [
      {
        file: REPLICA,
        find: "if (delta.rev > state.at.rev + 1) {",
        replace: "if (delta.rev > state.at.rev + 2) {",
      },
      {
        file: REPLICA,
        find: "if (next.delta.prev !== state.at.chain) return",
        replace: "if (next.delta.rev === state.at.rev + 1 && next.delta.prev !== state.at.chain) return",
      },
    ],
  },
  {
    name: "L1",
    rule: "a question for money that was lost is not asked again",
    variant: "money",
    replacements: [
      {
        file: "shared/src/escrow/replica.ts",
        find: 'if (waits || asked.ahead === true) return [{ type: "ask", ask: asked }];',
        replace: "if (waits || asked.ahead === true) return [];",
      },
    ],
  },
  ...moneyMutants,
  ...rateMutants,
];
