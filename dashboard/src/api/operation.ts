/** Following a change through the fleet, live, by the operation's event stream. */
import type { Resource } from "@claviger/shared/api/resource";
import type { OperationGateway, OperationView } from "@claviger/shared/sync/operation";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { fleetQuery } from "./queries.ts";

export interface Followed {
  readonly operation: OperationView;
  /** False while the stream is broken; what is shown is then what was last heard. */
  readonly live: boolean;
  readonly heardAtMs: number;
}

/** The operation as it stands now. The stream brings whole views, so that a reconnect repeats and loses nothing. */
export function useOperation(initial: OperationView): Followed {
  const [followed, setFollowed] = useState<Followed>({
    operation: initial,
    live: true,
    heardAtMs: Date.now(),
  });
  const client = useQueryClient();
  const { id, status } = initial;
  useEffect(() => {
    if (status === "confirmed") return;
    const stream = new EventSource(`/api/v1/operations/${id}`);
    const hear = (event: MessageEvent<string>) => {
      const { data } = JSON.parse(event.data) as { data: Resource<OperationView> };
      setFollowed({ operation: data.attributes, live: true, heardAtMs: Date.now() });
      if (data.attributes.status === "confirmed") stream.close();
      // What a gateway has confirmed it holds, and rows say so from the fleet.
      void client.invalidateQueries({ queryKey: fleetQuery.queryKey });
    };
    stream.addEventListener("operation", hear);
    stream.addEventListener("open", () => setFollowed((before) => ({ ...before, live: true })));
    stream.addEventListener("error", () => setFollowed((before) => ({ ...before, live: false })));
    return () => stream.close();
  }, [id, status, client]);
  return followed;
}

export type GatewayState = OperationGateway["state"];

/** A gateway of an operation: the state of the replica that is furthest behind speaks for it. */
export interface GatewayProgress {
  readonly gatewayId: string;
  readonly name: string;
  readonly state: GatewayState;
  readonly replicas: readonly OperationGateway[];
  readonly confirmedAt: string | undefined;
  readonly refusesBy: string | undefined;
  readonly lastSeen: string | undefined;
  readonly aborted: number;
}

const behind: readonly GatewayState[] = ["confirmed", "expired", "waiting", "unreachable"];

/** Replicas gathered by gateway, by name. */
export function progressOf(operation: OperationView): GatewayProgress[] {
  const byGateway = Map.groupBy(operation.gateways, (replica) => replica.gatewayId);
  const gathered = [...byGateway].map(([gatewayId, replicas]): GatewayProgress => {
    const last = (pick: (one: OperationGateway) => string | undefined) =>
      replicas
        .flatMap((one) => pick(one) ?? [])
        .toSorted()
        .at(-1);
    const state = replicas
      .map((one) => one.state)
      .reduce((worst, one) => (behind.indexOf(one) > behind.indexOf(worst) ? one : worst), "confirmed");
    return {
      gatewayId,
      name: replicas[0]?.name ?? gatewayId,
      state,
      replicas,
      confirmedAt: last((one) => one.confirmedAt),
      refusesBy: last((one) => (one.state === "confirmed" ? undefined : one.refusesBy)),
      lastSeen: last((one) => one.lastSeen),
      aborted: replicas.reduce((sum, one) => sum + (one.aborted ?? 0), 0),
    };
  });
  return gathered.sort((a, b) => a.name.localeCompare(b.name));
}
