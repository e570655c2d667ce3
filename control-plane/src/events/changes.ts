/** An organization's changes as its dashboards are told of them: that they happened, not what they hold. */
import type { LiveChange } from "@claviger/shared/api/event";
import { sql } from "drizzle-orm";
import type { Database } from "../db/database.ts";

const CHANGES_MAX = 100;
/** Positions of which a process keeps what it has read, of each organization. */
const KEPT_MAX = 64;

const POSITION = /^(\d{1,9})\.(\d{1,15})$/;
/** A position that nobody has stood at: who names it is told to read everything. */
const NOWHERE = "none";
const IDS_MAX = 50;

export interface ChangesAfter {
  /** False: more has happened, or it is not known what. */
  readonly complete: boolean;
  readonly changes: readonly LiveChange[];
  /** Where whoever heard this stands. */
  readonly revision: string;
}

/** What a stranger says is the last thing heard, as a position; whatever is none is one and the same. */
export function positionOf(since: string): string {
  return POSITION.test(since) ? since : NOWHERE;
}

/** Listeners that stand at one revision are told what was read once; a failure is its callers', and is not kept. */
export function shareReads(
  read: (revision: string) => Promise<ChangesAfter>,
): (revision: string) => Promise<ChangesAfter> {
  const kept = new Map<string, Promise<ChangesAfter>>();
  return (revision) => {
    const known = kept.get(revision);
    if (known !== undefined) return known;
    const reading = read(revision);
    for (const oldest of kept.keys()) {
      if (kept.size < KEPT_MAX) break;
      kept.delete(oldest);
    }
    kept.set(revision, reading);
    reading.catch(() => {
      if (kept.get(revision) === reading) kept.delete(revision);
    });
    return reading;
  };
}

/** What was changed after `<epoch>.<revision>`. A revision of another history, or none at all, is followed by anything. */
export async function readChangesAfter(db: Database, orgId: string, revision: string): Promise<ChangesAfter> {
  const [head] = await db.execute<{ epoch: number; rev: string }>(
    sql`select epoch, rev from org_head where org_id = ${orgId}`,
  );
  if (head === undefined) throw new Error("this organization has no journal");
  const now = `${head.epoch}.${head.rev}`;
  const [, epoch, rev] = POSITION.exec(revision) ?? [];
  const unknown = epoch === undefined || Number(epoch) !== head.epoch || Number(rev) > Number(head.rev);
  if (unknown || Number(head.rev) - Number(rev) > CHANGES_MAX) {
    return { complete: false, changes: [], revision: now };
  }
  const rows = await db.execute<{ rev: string; jws: string }>(sql`
    select rev, jws from org_change
    where org_id = ${orgId} and rev > ${Number(rev)} and rev <= ${head.rev} order by rev`);
  const complete = rows.length === Number(head.rev) - Number(rev);
  return {
    complete,
    changes: rows.map(({ rev: at, jws }) => told(`${head.epoch}.${at}`, jws)),
    revision: now,
  };
}

interface Told {
  readonly action: string;
  readonly actor: { readonly name: string };
  readonly changes: readonly { readonly id: string }[];
}

/** From our own signed text, which is not verified again. */
function told(revision: string, jws: string): LiveChange {
  const payload = Buffer.from(jws.split(".")[1] ?? "", "base64url").toString();
  const { action, actor, changes } = JSON.parse(payload) as Told;
  return { revision, action, actor: actor.name, ids: changes.slice(0, IDS_MAX).map(({ id }) => id) };
}
