/** The relay of one attempt: the request in that provider's words, and where its end is told. */
import type { Answer } from "../ports.ts";
import type { Admission, OutputBound } from "../rooms.ts";
import type { RequestBody } from "./body.ts";
import { providers } from "./providers.ts";
import { Relay } from "./relay.ts";
import type { Outcome, RelayJob } from "./relay-job.ts";
import { preparedTarget } from "./targets.ts";
import { upstreamRequest } from "./upstream-request.ts";
import type { Visit } from "./visit.ts";

export interface ToRelay {
  readonly admission: Admission;
  /** 1 for the first. */
  readonly attempt: number;
  readonly asked: string;
  readonly body: RequestBody;
  readonly credential: string;
  readonly output: OutputBound | undefined;
  readonly failed: RelayJob["failed"];
  readonly headWaits: boolean;
  readonly settled: (outcome: Outcome) => void;
  /** Where the answer goes: to the caller, maybe past somebody who takes notes. */
  readonly answer: Answer;
}

/** Not started yet, and not yet among those that are in flight. */
export function relayFor(visit: Visit, send: ToRelay): Relay {
  const { deps, exchange, route } = visit;
  const { admission } = send;
  const row = providers[admission.provider.provider];
  const target = preparedTarget(admission.provider, route.surface);
  if (row === undefined || target === undefined) throw new Error("the route was chosen without a target");
  const limit = send.output?.inject ?? null;
  const { request, strip, usage } = upstreamRequest({
    admission,
    exchange,
    route,
    row,
    target,
    asked: send.asked,
    body: send.body,
    credential: send.credential,
    limit,
    traceparent: row.takesTrace === true ? visit.trace?.traceparent(send.attempt) : undefined,
    headersTimeoutMs: deps.settings.headersTimeoutMs,
    firstByteTimeoutMs: deps.settings.firstByteTimeoutMs,
    idleTimeoutMs: deps.settings.idleTimeoutMs,
  });
  let draining = false;
  const relay: Relay = new Relay(
    {
      admission,
      requestId: visit.requestId,
      answer: send.answer,
      dialect: route.dialect,
      eventDialect: route.eventDialect ?? route.dialect,
      usage,
      request,
      textBytes: send.body.textBytes,
      otherAnswers: route.otherAnswers,
      strip,
      ours: [
        ...[...visit.ours, "x-claviger-key", admission.key.id],
        ...(limit === null ? [] : ["x-claviger-max-tokens", String(limit.tokens)]),
      ],
      outputTokensMax: send.output?.tokensMax,
      mayDrain: () => {
        if (row.abortStopsBilling) return false;
        draining = deps.inflight.takeDrain();
        return draining;
      },
      failed: send.failed,
      headWaits: send.headWaits,
      settled: (outcome) => {
        deps.inflight.remove(relay, draining);
        send.settled(outcome);
      },
    },
    deps.upstream,
    deps.clock,
    deps.settings,
  );
  return relay;
}
