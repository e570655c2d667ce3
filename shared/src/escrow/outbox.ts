/**
 * Usage on its way to PostgreSQL, exactly once in effect (PROTOCOL §2.10): the one core of a gateway's outbox, of the
 * intake at the control plane, and of the simulator. The bargain: sequence numbers of a replica are gapless, no event is
 * offered before it is on disk, and an event counts as delivered when a signed word says that PostgreSQL's cursor has passed
 * it: not when it was sent, and not because an answer that nobody signed says so.
 */

export interface Outbox {
  /** The first that is not on disk; nothing from here on is offered. */
  durableSeq: number;
  /** PostgreSQL's, as signed. What is up to here may be let go. */
  cursor: number;
  /** Offered and, as an unsigned answer has it, taken up to here: never below `cursor`, never above what exists. */
  offered: number;
  /** A cursor below where the offers stand, as it was last told. */
  lower: number | undefined;
}

/** As it stands on a disk: all before `durableSeq` are there, PostgreSQL has said that it has those up to `cursor`. */
export function outboxAt(cursor: number, durableSeq: number): Outbox {
  return { durableSeq, cursor, offered: cursor, lower: undefined };
}

/** The number of the next event, when so many others wait for the disk. */
export function numberOf(
  { durableSeq, cursor }: Pick<Outbox, "durableSeq" | "cursor">,
  waiting: number,
): number {
  return Math.max(durableSeq, cursor + 1) + waiting;
}

/** The numbers to offer now, at most `max`; undefined when nothing is left. They stay to be offered until they are taken. */
export function toOffer(
  outbox: Outbox,
  max: number,
): { readonly from: number; readonly to: number } | undefined {
  const from = outbox.offered + 1;
  const to = Math.min(outbox.durableSeq - 1, outbox.offered + max);
  return from <= to ? { from, to } : undefined;
}

/**
 * The answer to an offer from there on, which is not signed: it says where to go on and nothing else. `stands`: nothing of it was taken;
 * `above`: it claims events that do not exist, and is not believed at all.
 */
export function answered(outbox: Outbox, from: number, cursor: number): "on" | "stands" | "above" {
  if (cursor >= outbox.durableSeq) return "above";
  outbox.offered = Math.max(cursor, outbox.cursor);
  return outbox.offered >= from ? "on" : "stands";
}

/**
 * The cursor in a signed word. One that is lower than what was offered may just be older than the last offer; told twice,
 * the offer did not arrive, or the database was set back, and gets the events `again`. One that is `above` every number ever
 * given here (a disk that was set back) is taken, and numbers go on behind it: PostgreSQL would take an event with a number
 * that it has for one that it has.
 */
export function acknowledged(outbox: Outbox, cursor: number): "on" | "again" | "above" {
  const isAbove = cursor >= outbox.durableSeq;
  if (isAbove) outbox.durableSeq = cursor + 1;
  if (cursor > outbox.cursor) outbox.cursor = cursor;
  if (cursor >= outbox.offered) {
    outbox.offered = cursor;
    outbox.lower = undefined;
  } else if (cursor !== outbox.lower) outbox.lower = cursor;
  else {
    outbox.cursor = cursor;
    outbox.offered = cursor;
    return "again";
  }
  return isAbove ? "above" : "on";
}

/** What follows a cursor without a gap, in order; what is behind it is known, what is beyond a gap comes again. */
export function following<E extends { readonly seq: number }>(cursor: number, events: readonly E[]): E[] {
  const bySeq = new Map(events.map((event) => [event.seq, event]));
  const next: E[] = [];
  for (let event = bySeq.get(cursor + 1); event !== undefined; event = bySeq.get(event.seq + 1))
    next.push(event);
  return next;
}
