/** The ledger as the forward has it, with what telemetry hears on the way: counters always, spans of a traced request. */
import { foldUsage } from "@claviger/shared/money/usage";
import { observe } from "../histogram.ts";
import { countUp, type Metrics, upstreamOf } from "../metrics.ts";
import type { Ledger, Settlement } from "../rooms.ts";

export function observedLedger(ledger: Ledger, metrics: Metrics): Ledger {
  return {
    open: (record) => ledger.open(record),
    withdraw: (requestId) => ledger.withdraw(requestId),
    refused: (facts, key, code, status) => ledger.refused(facts, key, code, status),
    settle(settlement) {
      count(metrics, settlement);
      settlement.facts.trace?.settled(settlement);
      ledger.settle(settlement);
    },
  };
}

function count(metrics: Metrics, { admission, code, tokens, firstByteMs, totalMs }: Settlement): void {
  const upstream = upstreamOf(metrics, admission.provider.provider);
  observe(upstream.durations, totalMs / 1000);
  if (firstByteMs !== null) observe(upstream.firstBytes, firstByteMs / 1000);
  if (code !== null && isUpstreams(code)) countUp(upstream.errors, code);
  const used = foldUsage(tokens);
  const sums = upstream.tokens;
  sums.input += used.input ?? 0;
  sums.cacheRead += used.cacheRead ?? 0;
  sums.cacheWrite += used.cacheWrite ?? 0;
  sums.output += used.output ?? 0;
  sums.reasoning += used.reasoning ?? 0;
}

/** The codes of PROTOCOL §4.3 that have their cause beyond the gateway. */
function isUpstreams(code: string): boolean {
  return code.startsWith("provider_") || code === "upstream_blocked";
}
