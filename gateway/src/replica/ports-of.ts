/** What of a gateway's ports its replica answers, on every runtime, and what of the replica needs a way to providers. */
import type { GatewayPorts } from "../app.ts";
import { createTryProvider } from "../forward/try-provider.ts";
import { createDiscover } from "../mcp/discover.ts";
import type { Clock, Log, Upstream } from "../ports.ts";
import { createReserve } from "../spend/reserve.ts";
import type { Replica } from "./open-replica.ts";

interface Platform {
  readonly clock: Clock;
  readonly log: Log;
  readonly upstream: Upstream;
}

type OfReplica = Omit<GatewayPorts, "crypto" | "gauges" | "post" | "exchangeOf" | "alreadyAnswered">;

/** To be called once: from then on the control plane's questions about providers and MCP servers are answered too. */
export function portsOf(replica: Replica, { clock, log, upstream }: Platform): OfReplica {
  const { follower, vault, logs, escrow, limits, metrics, verify } = replica;
  const { view } = follower;
  logs.triesBy(createTryProvider({ view, vault, upstream, clock }));
  logs.discoversBy(createDiscover({ vault, upstream, clock }, view));
  return {
    ...{ clock, log, upstream, verify, vault, follower, metrics, limits },
    shared: vault.shared,
    ledger: logs.ledger,
    ...(escrow === undefined ? {} : { reserve: createReserve({ view, escrow, monoMs: clock.monoMs }) }),
    replicas: () => follower.replicas(),
  };
}
