/** One request on its way through the checks: what it needs, and how it is turned away. */
import type { Refusal } from "@claviger/shared/decide/refusals";
import type { TableView } from "@claviger/shared/decide/view";
import type { KeyRecord } from "@claviger/shared/wire/record";
import { countUp, type Metrics } from "../metrics.ts";
import type { Clock, Crypto, Exchange, Log, Upstream, Vault } from "../ports.ts";
import type {
  Authenticate,
  Authenticated,
  Grant,
  Ledger,
  LimitBook,
  Reserve,
  Trace,
  Tracer,
} from "../rooms.ts";
import { factsOf } from "./facts.ts";
import type { Health } from "./health.ts";
import type { Inflight } from "./inflight.ts";
import { sendProblem } from "./problem.ts";
import type { ReadDeps } from "./read-request.ts";
import type { RelayLimits } from "./relay-job.ts";
import type { ForwardRoute } from "./routes.ts";

export interface ServeSettings extends RelayLimits {
  readonly gatewayName: string;
  readonly bodyBytesMax: number;
  readonly bodyMsMax: number;
  /** Longest wait for a provider's head, from there to the answer's first byte, and longest silence inside it. */
  readonly headersTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Attempts of one request. */
  readonly attemptsMax: number;
  /** No attempt begins later than this after the first one. */
  readonly attemptsMsMax: number;
}

export interface ServeDeps {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly upstream: Upstream;
  readonly vault: Vault;
  readonly view: TableView;
  readonly authenticate: Authenticate;
  readonly grant: Grant;
  readonly limits: LimitBook;
  readonly reserve: Reserve;
  readonly ledger: Ledger;
  readonly health: Health;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Absent while nothing is traced. */
  readonly tracer?: Tracer | undefined;
  readonly inflight: Inflight;
  readonly settings: ServeSettings;
  /** Refusals that the head alone decides, in order. */
  readonly refuseBySize: (exchange: Exchange, bytesMax: number) => Refusal | undefined;
  readonly refuseByType: ReadDeps["refuseByType"];
}

/** One request on its way through the checks. */
export interface Visit {
  readonly deps: ServeDeps;
  readonly exchange: Exchange;
  readonly route: ForwardRoute;
  readonly requestId: string;
  readonly atMs: number;
  readonly trace: Trace | undefined;
  ours: string[];
  ip: Authenticated["ip"];
  tokenId: string | undefined;
}

/** Answers with a refusal; of a known key it is also written down. */
export function turnAway(visit: Visit, refusal: Refusal, key?: KeyRecord): void {
  const { deps, exchange, route, ours, requestId } = visit;
  countUp(deps.metrics.refusals, refusal.code);
  const status = sendProblem(exchange.answer, refusal, route.dialect, ours, requestId);
  visit.trace?.refused(refusal.code, status, key?.id);
  if (key !== undefined) deps.ledger.refused(factsOf(visit), key, refusal.code, status);
}

/** The headers of every answer on a data route. `request-id` is where Anthropic's clients look. */
export function ownHeaders(gatewayName: string, requestId: string, route: { dialect: string }): string[] {
  const ours = ["x-request-id", requestId, "x-claviger-gateway", gatewayName, "cache-control", "no-store"];
  if (route.dialect === "anthropic") ours.push("request-id", requestId);
  return ours;
}
