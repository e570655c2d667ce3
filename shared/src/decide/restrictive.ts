/**
 * Which changes of an API key take something away. The law: if the answer is not `restrictive`, every request that was
 * admitted before is not refused for want of a right after. (A wider list of providers may make a bare model name
 * ambiguous; that 400 asks a question and takes no right.) What is not plainly giving or neutral is restrictive.
 */
import type { KeyHash, KeyRecord } from "../wire/record.ts";
import { coversRanges, type IpRanges } from "./ip-ranges.ts";
import { coversMcp } from "./mcp.ts";
import { coversPatterns, type Patterns } from "./patterns.ts";
import { listsOf } from "./prepared.ts";

/** `giving` widens, `restrictive` takes away, `neutral` does neither. */
export type Effect = "giving" | "neutral" | "restrictive";

/** How much one aspect admits after the change, seen from before. Two that are not comparable are `less`. */
type Step = "more" | "same" | "less";

/** The effect of replacing one record of a key by another; a new key only gives. */
export function effectOf(before: KeyRecord | undefined, after: KeyRecord): Effect {
  if (before === undefined) return "giving";
  const steps = stepsOf(before, after);
  if (steps.includes("less")) return "restrictive";
  return steps.includes("more") ? "giving" : "neutral";
}

function stepsOf(before: KeyRecord, after: KeyRecord): Step[] {
  const was = listsOf(before);
  const is = listsOf(after);
  return [
    equal(before.id, after.id),
    equal(before.projectId, after.projectId),
    equal(before.kind, after.kind),
    number(RANKS[before.status], RANKS[after.status]),
    number(before.expiresAtMs, after.expiresAtMs),
    number(before.maxStalenessSeconds, after.maxStalenessSeconds),
    number(before.requestsPerMinute, after.requestsPerMinute),
    number(before.tokensPerMinute, after.tokensPerMinute),
    number(before.maxConcurrency, after.maxConcurrency),
    number(before.toolCallsPerMinute ?? null, after.toolCallsPerMinute ?? null),
    before.budgetId !== null && after.budgetId === null ? "more" : equal(before.budgetId, after.budgetId),
    covering(was.models, is.models, (a: Patterns, b) => coversPatterns(a, b)),
    covering(was.providers, is.providers, coversSet),
    covering(was.ip, is.ip, (a: IpRanges, b) => coversRanges(a, b)),
    covering(setOf(before.gatewayIds), setOf(after.gatewayIds), coversSet),
    covering(before.mcp, after.mcp, coversMcp),
    secretsStep(before, after),
  ];
}

/** A deleted key cannot come back, so nothing ranks below it. */
const RANKS = { active: 3, inactive: 2, revoked: 1, deleted: 0 } as const;

function equal(before: string | null, after: string | null): Step {
  return before === after ? "same" : "less";
}

/** Limits, instants and ranks: null is "no limit". */
function number(before: number | null, after: number | null): Step {
  if (before === after) return "same";
  if (after === null) return "more";
  return before !== null && after > before ? "more" : "less";
}

/** Lists and policies: null is "all". */
function covering<T>(before: T | null, after: T | null, covers: (outer: T, inner: T) => boolean): Step {
  if (after === null) return before === null ? "same" : "more";
  if (before === null || !covers(after, before)) return "less";
  return covers(before, after) ? "same" : "more";
}

function setOf(list: readonly string[] | null): ReadonlySet<string> | null {
  return list && new Set(list);
}

function coversSet(outer: ReadonlySet<string>, inner: ReadonlySet<string>): boolean {
  for (const member of inner) if (!outer.has(member)) return false;
  return true;
}

/**
 * Every secret must live at least as long as before, and so must the tokens of its generation. A key that was revoked
 * has neither, so coming back under a new generation takes nothing.
 */
function secretsStep(before: KeyRecord, after: KeyRecord): Step {
  const dead = before.status === "revoked" || before.status === "deleted";
  if (!dead && before.generation !== after.generation) return "less";
  const held = new Map(after.hashes.map((hash) => [hash.hash, hash]));
  const steps = before.hashes.map((hash): Step => hashStep(hash, held.get(hash.hash), dead));
  if (steps.includes("less")) return "less";
  return steps.includes("more") || after.hashes.length > before.hashes.length ? "more" : "same";
}

function hashStep(before: KeyHash, after: KeyHash | undefined, dead: boolean): Step {
  if (after === undefined) return "less";
  if (!dead && before.generation !== after.generation) return "less";
  return number(before.notAfterMs, after.notAfterMs);
}
