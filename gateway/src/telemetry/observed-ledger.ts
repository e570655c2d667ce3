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
  const { input, cacheRead, cacheWrite, output, reasoning } = foldUsage(tokens);
  if (input) countUp(upstream.tokens, "input", input);
  if (cacheRead) countUp(upstream.tokens, "cache_read", cacheRead);
  if (cacheWrite) countUp(upstream.tokens, "cache_write", cacheWrite);
  if (output) countUp(upstream.tokens, "output", output);
  if (reasoning) countUp(upstream.tokens, "reasoning", reasoning);
}

/** The codes of PROTOCOL §4.3 that have their cause beyond the gateway. */
function isUpstreams(code: string): boolean {
  return code.startsWith("provider_") || code === "upstream_blocked";
}
