/** Heartbeats' parts on budgets, as the freshness path hands them over. */
import type { EscrowAnswer } from "@claviger/shared/wire/escrow";
import type { Heartbeat } from "@claviger/shared/wire/heartbeat";
import type { Ports } from "../../ports.ts";
import type { Tx } from "../journal.ts";
import { noteShown } from "./frozen.ts";
import { type EscrowBeat, settleHoldings } from "./holdings.ts";

interface Taken {
  readonly beat: { readonly replicaId: string; readonly heartbeat: Heartbeat };
}

/**
 * By place, what each answer says of budgets; nothing for who has said nothing, and for who gets no answer. `cursors`
 * were read in this transaction, which has the locks of the replicas' rows.
 */
export async function settleReports(
  tx: Tx,
  ports: Ports,
  head: { readonly orgId: string; readonly epoch: number },
  taken: readonly (Taken | null)[],
  cursors: ReadonlyMap<string, number>,
  nowMs: number,
): Promise<{ escrow?: EscrowAnswer }[]> {
  const places: number[] = [];
  const beats = taken.flatMap((one, place): EscrowBeat[] => {
    const { escrow, escrowPart } = one?.beat.heartbeat ?? {};
    const report = escrow ?? escrowPart;
    if (one === null || report === undefined) return [];
    const { replicaId, heartbeat } = one.beat;
    places.push(place);
    const cursor = cursors.get(replicaId) ?? 0;
    return [{ replicaId, boot: heartbeat.boot, report, isPartial: escrow === undefined, cursor }];
  });
  const answers = await settleHoldings(tx, ports, head.orgId, beats, nowMs);
  const lacking = new Set(
    answers.flatMap((one, index) => (one.show.length > 0 ? [beats[index]?.replicaId] : [])),
  );
  const heard = new Set(
    taken.flatMap((one) =>
      one === null || one.beat.heartbeat.escrowLeftOut === true ? [] : [one.beat.replicaId],
    ),
  );
  await noteShown(
    tx,
    head,
    [...heard].filter((id) => !lacking.has(id)),
  );
  const byPlace = new Map(places.map((place, index) => [place, answers[index]]));
  return taken.map((_, place) => {
    const escrow = byPlace.get(place);
    return escrow === undefined ? {} : { escrow };
  });
}
