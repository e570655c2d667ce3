/**
 * Escrow at a replica (PROTOCOL §2.8). The bargain: an attempt is forwarded only when its worst case is set aside, on
 * disk, in every budget on its path; money goes back only when the disk knows that it is gone. No clock, no order of
 * messages and no answer is needed for that.
 */
import { available, type JournalRecord, type Reservation } from "./held.ts";
import type { EscrowEffect, EscrowEvent, EscrowState, Wanted } from "./replica-state.ts";
import { isDrained, type Slice } from "./slice.ts";
import { availableOf, LATE_MS_MAX, takeAll, usedOf } from "./take.ts";

/** The one transition. `state` is changed in place and belongs to whoever called. */
export function step(state: EscrowState, event: EscrowEvent): EscrowEffect[] {
  switch (event.type) {
    case "slice":
      return onSlice(state, event.slice, event.wallMs);
    case "denied":
      return onDenied(state, event);
    case "reserve":
      return onReserve(state, event.wanted, event.wallMs);
    case "gave-up":
      return giveUp(state, event.id);
    case "ask-again":
      return onAskAgain(state, event.budget, event.wallMs);
    case "settle":
      return onSettle(state, event);
    case "persisted":
      return onPersisted(state, event.n);
    case "recall":
      return close(state, event.slice);
    case "closed":
      return onClosed(state, event.slice);
    case "stock":
      return onStock(state, event);
    case "tick":
      return onTick(state, event.wallMs);
  }
}

/** Decided and handed to the disk in one step, so that what is decided later comes after it there too. */
function append(state: EscrowState, record: JournalRecord): EscrowEffect {
  state.held.apply(record);
  const n = state.nextN++;
  state.pending.push({ n, record });
  return { type: "append", n, record };
}

function onSlice(state: EscrowState, slice: Slice, wallMs: number): EscrowEffect[] {
  const { replica, boot } = state.identity;
  if (slice.replica !== replica || slice.boot !== boot) return [];
  if (state.asked.get(slice.budget)?.req === slice.req) state.asked.delete(slice.budget);
  if (state.dropped.has(slice.id)) {
    state.resent.add(slice.id);
    return [{ type: "report" }];
  }
  if (state.held.slices.has(slice.id)) return serve(state, wallMs);
  return [append(state, { kind: "slice", slice }), ...serve(state, wallMs)];
}

function onReserve(state: EscrowState, wanted: Wanted, wallMs: number): EscrowEffect[] {
  const { waiting } = state;
  state.waiting = [wanted];
  const effects = serve(state, wallMs);
  state.waiting = [...waiting, ...state.waiting];
  return effects;
}

/** Gives money to those who wait, in the order of their coming, and asks for what is missing. */
function serve(state: EscrowState, wallMs: number): EscrowEffect[] {
  const effects: EscrowEffect[] = [];
  const short = new Map<string, Shortage>();
  state.waiting = state.waiting.filter((wanted) => {
    const taken = takeAll(state.held, state.closing, wanted.budgets, wanted.nanos, wallMs);
    if ("charges" in taken) {
      effects.push(reserve(state, wanted, taken.charges));
      return false;
    }
    for (const [budget, min] of taken.missing) {
      const first = short.get(budget);
      if (first === undefined) short.set(budget, { min, bound: wanted.nanos, want: min });
      else first.want += wanted.nanos;
    }
    return true;
  });
  for (const [budget, missing] of short) effects.push(...ask(state, budget, missing));
  return effects;
}

interface Shortage {
  min: bigint;
  bound: bigint;
  want: bigint;
}

/** One question per budget serves all who wait. */
function ask(state: EscrowState, budget: string, missing: Shortage & { ahead?: true }): EscrowEffect[] {
  if (state.asked.has(budget)) return [];
  const { replica, boot } = state.identity;
  const req = `${replica}.${boot}.${state.nextReq++}`;
  const question = { req, budget, boot, ...missing };
  state.asked.set(budget, question);
  return [{ type: "ask", ask: question }];
}

function reserve(state: EscrowState, wanted: Wanted, charges: Reservation["charges"]): EscrowEffect {
  const { id, nanos, about } = wanted;
  return append(state, { kind: "reserve", reservation: { id, nanos, charges, about } });
}

function onDenied(state: EscrowState, event: Extract<EscrowEvent, { type: "denied" }>): EscrowEffect[] {
  const asked = [...state.asked.values()].find(({ req }) => req === event.req);
  if (asked === undefined) return [];
  const { budget } = asked;
  state.asked.delete(budget);
  const later: EscrowEffect[] = state.waiting.some((one) => one.budgets.includes(budget))
    ? [{ type: "ask-later", budget }]
    : [];
  if (event.code === "no_headroom") return later;
  const left = event.limit - event.spent;
  const refused = state.waiting.filter((one) => one.budgets.includes(budget) && one.nanos > left);
  state.waiting = state.waiting.filter((one) => !refused.includes(one));
  const refusals = refused.map(({ id, nanos }): EscrowEffect => {
    const code = nanos > event.limit ? "request_exceeds_budget" : "budget_exceeded";
    return { type: "refuse", id, code };
  });
  const rest = state.waiting.some((one) => one.budgets.includes(budget));
  return rest ? [...refusals, { type: "ask-later", budget }] : refusals;
}

function giveUp(state: EscrowState, id: string): EscrowEffect[] {
  if (!state.waiting.some((one) => one.id === id)) return [];
  state.waiting = state.waiting.filter((one) => one.id !== id);
  return [{ type: "refuse", id, code: "budget_unavailable" }];
}

/** The same question as before when it was never answered; the control plane knows it by its `req`. */
function onAskAgain(state: EscrowState, budget: string, wallMs: number): EscrowEffect[] {
  const asked = state.asked.get(budget);
  const waits = state.waiting.some((one) => one.budgets.includes(budget));
  if (asked === undefined) return waits ? serve(state, wallMs) : [];
  if (waits) return [{ type: "ask", ask: asked }];
  state.asked.delete(budget);
  return [];
}

function onSettle(state: EscrowState, event: Extract<EscrowEvent, { type: "settle" }>): EscrowEffect[] {
  const { id, seq, wallMs } = event;
  const reservation = state.held.reservations.get(id);
  if (reservation === undefined) throw new Error(`${id} is settled and not reserved`);
  const actual = event.actual ?? reservation.nanos;
  const overrun = actual > reservation.nanos ? actual - reservation.nanos : 0n;
  const charges = usedOf(state.held, reservation, actual);
  const effects = [append(state, { kind: "settle", id, seq, charges, overrun })];
  if (overrun > 0n) effects.push({ type: "overrun", id, nanos: overrun });
  for (const { slice } of reservation.charges)
    if (state.closing.has(slice)) effects.push(...shrink(state, slice));
  return [...effects, ...serve(state, wallMs)];
}

/** Nothing new is taken from it; what is not reserved goes back, what is reserved when it is settled. */
function close(state: EscrowState, slice: string): EscrowEffect[] {
  if (!state.held.slices.has(slice)) return [];
  state.closing.add(slice);
  return shrink(state, slice);
}

function shrink(state: EscrowState, slice: string): EscrowEffect[] {
  const one = state.held.slices.get(slice);
  if (one === undefined || available(one) === 0n) return [];
  return [append(state, { kind: "shrink", slice, amount: one.spent + one.reserved })];
}

/** What the control plane has closed is forgotten when it is empty here as well, and emptied when it is not. */
function onClosed(state: EscrowState, slice: string): EscrowEffect[] {
  state.resent.delete(slice);
  const one = state.durable.slices.get(slice);
  const held = state.held.slices.get(slice);
  if (one === undefined || held === undefined) return [];
  if (!isDrained(one) || !isDrained(held)) return close(state, slice);
  state.closing.delete(slice);
  state.dropped.set(slice, { spent: one.spent, lastSeq: one.lastSeq });
  return [append(state, { kind: "drop", slice })];
}

/** Asks ahead when less than seven eighths of it are there. */
function onStock(state: EscrowState, event: Extract<EscrowEvent, { type: "stock" }>): EscrowEffect[] {
  const { budget, hold, mean, wallMs } = event;
  const rest = availableOf(state.held, state.closing, budget, wallMs);
  if (hold <= 0n || rest * 8n >= hold * 7n) return [];
  const want = hold - rest;
  const min = want / 4n > mean ? want / 4n : mean;
  return min > 0n ? ask(state, budget, { min, bound: min, want, ahead: true }) : [];
}

/** Slices of windows that are over go back. */
function onTick(state: EscrowState, wallMs: number): EscrowEffect[] {
  return [...state.held.slices.values()].flatMap(({ slice }) =>
    slice.endMs !== null && slice.endMs + LATE_MS_MAX <= wallMs && !state.closing.has(slice.id)
      ? close(state, slice.id)
      : [],
  );
}

/** Journal, then forward; lower, then say so. */
function onPersisted(state: EscrowState, n: number): EscrowEffect[] {
  const done = state.pending.filter((one) => one.n <= n);
  state.pending = state.pending.filter((one) => one.n > n);
  const effects: EscrowEffect[] = [];
  let shrunk = false;
  for (const { record } of done) {
    state.durable.apply(record);
    if (record.kind === "reserve" && state.held.reservations.has(record.reservation.id)) {
      effects.push({ type: "forward", id: record.reservation.id });
    }
    shrunk ||= record.kind === "shrink";
  }
  return shrunk ? [...effects, { type: "report" }] : effects;
}
