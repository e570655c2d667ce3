/**
 * Usage on its way to PostgreSQL, exactly once in effect (PROTOCOL §2.10). The bargain: sequence numbers of a replica
 * are gapless, and an event counts as delivered when PostgreSQL's cursor has passed it, not when it was sent.
 */

export interface Outbox {
  /** Of the next event; all before it are on disk or on their way there. */
  nextSeq: number;
  /** The first that has not reached the disk; nothing from here on is sent. */
  durableSeq: number;
  /** PostgreSQL's cursor as last told. */
  cursor: number;
}

export function emptyOutbox(): Outbox {
  return { nextSeq: 1, durableSeq: 1, cursor: 0 };
}

/** The number of a new event. */
export function nextSeq(outbox: Outbox): number {
  return outbox.nextSeq++;
}

/** The numbers to send now, at most `max`; undefined when all is delivered. They stay to be sent until the cursor moves. */
export function toSend(
  outbox: Outbox,
  max: number,
): { readonly from: number; readonly to: number } | undefined {
  const from = outbox.cursor + 1;
  const to = Math.min(outbox.durableSeq - 1, outbox.cursor + max);
  return from <= to ? { from, to } : undefined;
}

/** The cursor is state, not progress: a control plane that was restored tells an earlier one, and gets all after it again. */
export function told(outbox: Outbox, cursor: number): void {
  if (cursor >= outbox.nextSeq)
    throw new Error(`a cursor of ${cursor}, where ${outbox.nextSeq} is yet to come`);
  outbox.cursor = cursor;
}

/** What follows a cursor without a gap, in order; what is behind it is known, what is beyond a gap comes again. */
export function following<E extends { readonly seq: number }>(cursor: number, events: readonly E[]): E[] {
  const bySeq = new Map(events.map((event) => [event.seq, event]));
  const next: E[] = [];
  for (let event = bySeq.get(cursor + 1); event !== undefined; event = bySeq.get(event.seq + 1))
    next.push(event);
  return next;
}
