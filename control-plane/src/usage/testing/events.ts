/** Usage events for tests and measurements. */
import type { UsageEvent } from "@claviger/shared/wire/usage";

/** An event at this time; the seed decides everything else. Each tenth is of refusals, each seventh without a price. */
export function makeEvent(
  seq: number,
  atMs: number,
  seed: number,
  keyId = `key_${String(seed % 5).padStart(12, "0")}`,
): UsageEvent {
  if (seq % 10 === 0) {
    const minuteMs = Math.floor(atMs / 60_000) * 60_000;
    return { kind: "refused", seq, keyId, code: "key_revoked", minuteMs, n: 3 };
  }
  const failed = seed % 11 === 0;
  return {
    kind: "settled",
    seq,
    keyId,
    generation: 1,
    projectId: "prj_000000000000",
    requestId: `req_${seq}`,
    surface: "chat",
    provider: "sandbox",
    llmKeyId: "llm_000000000000",
    model: seed % 7 === 0 ? "of-no-price" : seed % 2 === 0 ? "echo" : "story",
    status: failed ? 502 : 200,
    code: failed ? "upstream_error" : null,
    tokens: { input: seed, cacheRead: seed % 3, cacheWrite: null, output: seed % 17, reasoning: null },
    basis: "provider",
    startedAtMs: atMs,
    firstByteMs: seed % 4 === 0 ? null : 5 + (seed % 90),
    totalMs: 9 + seed,
    ipPrefix: "127.0.0.0/24",
  };
}
