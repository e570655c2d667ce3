/**
 * When an instant has passed. The bargain: what may have expired admits nobody, and a client is told that its credential
 * is over (401, for good) only when the control plane's own clock says so: a wall clock that was set forward, or a machine
 * that slept, is a defect of ours, and passes.
 */
import { type Refusal, refuse } from "./refusals.ts";
import type { Freshness } from "./view.ts";

/** What `judge` says of the instant that is certain; 503 where it would refuse only by this replica's own clock. */
export function judgeExpiry(
  { nowMs, nowMsMin = nowMs }: Freshness,
  judge: (nowMs: number) => Refusal | undefined,
): Refusal | undefined {
  const refusal = judge(nowMsMin);
  if (refusal !== undefined || nowMsMin === nowMs) return refusal;
  return judge(nowMs) === undefined ? undefined : refuse("authorization_stale");
}
