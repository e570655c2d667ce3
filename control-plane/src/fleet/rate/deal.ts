/**
 * Shares of limits, as heartbeats ask for them (PROTOCOL §2.9). The bargain: one transaction at a time deals for an
 * organization, in whichever process, by the pure rules of `rate/`; a heartbeat's proof does not depend on it. What is
 * dealt is answered only after it was committed, so nobody uses what no book knows of.
 */
import { answerReport, type Desk, newFleetBook } from "@claviger/shared/rate/dealer";
import type { RateAnswer, RateReports } from "@claviger/shared/rate/message";
import { startsOf } from "@claviger/shared/sync/boot";
import type { Heartbeat } from "@claviger/shared/wire/heartbeat";
import type { Ports } from "../../ports.ts";
import { lockBooks, readBooks, readLimits, readMembers, writeBooks } from "./stored.ts";

type DealPorts = Pick<Ports, "db" | "log">;

/** A heartbeat that was taken in, and by whom it was sent. */
export interface RateBeat {
  readonly replicaId: string;
  readonly heartbeat: Pick<Heartbeat, "boot" | "bye" | "rates">;
}

export interface Dealt {
  /** By place; undefined for who has said nothing of limits. */
  readonly answers: readonly (RateAnswer | undefined)[];
  /** Replicas that should report soon. */
  readonly poke: readonly string[];
}

/** Answers the reports of one organization's heartbeats; null stands for one that was not taken in. Never rejects. */
export async function dealRates(
  ports: DealPorts,
  orgId: string,
  beats: readonly (RateBeat | null)[],
): Promise<Dealt> {
  // Who says goodbye gets nothing more; what it had is free when the next one is dealt to.
  const reports = beats.map((beat) => (beat?.heartbeat.bye === true ? undefined : beat?.heartbeat.rates));
  if (reports.every((report) => report === undefined)) return { answers: [], poke: [] };
  const keys = [...new Set(reports.flatMap((report) => report?.keys.map(({ key }) => key) ?? []))];
  try {
    return await ports.db.transaction(async (tx) => {
      const { fleet: known, epoch, nowMs } = await lockBooks(tx, orgId);
      const [members, limits, books] = await Promise.all([
        readMembers(tx, orgId),
        readLimits(tx, orgId, keys),
        readBooks(tx, orgId, keys),
      ]);
      const fleet = known ?? newFleetBook(epoch, members, nowMs);
      const desk: Desk = { fleet, members, limits, books, nowMs };
      const poke = new Set<string>();
      let changed = known === undefined;
      const answers = beats.map((beat, place) => {
        const report = reports[place];
        if (beat === null || report === undefined || !members.has(beat.replicaId)) return undefined;
        const speaker = { replica: beat.replicaId, starts: startsOf(beat.heartbeat.boot) };
        const answered = answerReport(desk, speaker, report);
        for (const name of answered.poke) poke.add(name);
        changed ||= answered.changed;
        return answered.answer;
      });
      if (changed) await writeBooks(tx, orgId, fleet, keys, books);
      return { answers, poke: [...poke] };
    });
  } catch (error) {
    ports.log.warn({ err: error, org: orgId }, "shares of rate limits could not be dealt");
    return { answers: reports.map((report) => report && nothingNew(report)), poke: [] };
  }
}

/** Says that this control plane deals, and changes nothing: no generation is earlier. */
function nothingNew({ n, floor }: RateReports): RateAnswer {
  return { n, generation: { epoch: 0, sinceMs: 0 }, floor, keys: [] };
}
