/** Escrow of one replica: what its journal says, and who drives it. */
import type { EscrowState } from "@claviger/shared/escrow/replica-state";
import { crashedEntry } from "../logs/entries.ts";
import type { RecoveredEscrow } from "../logs/escrow-queue.ts";
import type { Clock, Log, LogStore } from "../ports.ts";
import { Escrow, type EscrowDeps } from "../spend/escrow.ts";
import { recoverEscrow } from "../spend/recover-escrow.ts";
import type { LocalLogs } from "./local-logs.ts";

interface Spender {
  readonly replicaId: string;
  readonly boot: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Undefined when the journal contradicts itself. The gateway serves then, but for keys with a budget. */
export async function recoverSpending(
  store: LogStore,
  { replicaId: replica, boot, clock, log }: Spender,
): Promise<(RecoveredEscrow & { readonly state: EscrowState }) | undefined> {
  const [lines, { usageNextSeq }] = await Promise.all([store.escrowLines(), store.heads()]);
  try {
    const { state, records, crashed } = recoverEscrow({ replica, boot }, lines, usageNextSeq, clock.wallMs());
    const entries = crashed.map(({ record, spent }) => crashedEntry(record, spent));
    return { state, lines: lines.length, records, entries };
  } catch (error) {
    log.error(
      { err: error, alarm: "escrow_unreadable" },
      "nobody with a budget is served: its journal is not whole",
    );
    return undefined;
  }
}

/** Drives what the logs have opened. */
export function openEscrow(
  { escrow, stampMs }: Pick<LocalLogs, "escrow" | "stampMs">,
  deps: Omit<EscrowDeps, "state" | "journal">,
): Escrow | undefined {
  if (escrow === undefined) return undefined;
  const { monoMs } = deps.clock;
  return new Escrow({ ...deps, ...escrow, clock: { wallMs: stampMs, monoMs } });
}
