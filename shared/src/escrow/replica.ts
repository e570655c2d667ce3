/**
 * Escrow at a replica (PROTOCOL §2.8). The bargain: an attempt is forwarded only when its worst case is set aside, on
 * disk, in every budget on its path; money goes back only when the disk knows that it is gone. No clock, no order of
 * messages and no answer is needed for that.
 */
import { available, type JournalRecord, type Reservation } from "./held.ts";
import type { EscrowEffect, EscrowEvent, EscrowState } from "./replica-state.ts";
import { isDrained, type Slice } from "./slice.ts";
import { availableOf, LATE_MS_MAX, Purse, usedOf } from "./take.ts";
import type { Wanted } from "./waiters.ts";

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
  if (state.held.slices.has(slice.id)) return serve(state, [slice.budget], wallMs);
  if (state.dropped.isOver(slice)) return serve(state, [slice.budget], wallMs);
  return [append(state, { kind: "slice", slice }), ...serve(state, [slice.budget], wallMs)];
}

function onReserve(state: EscrowState, wanted: Wanted, wallMs: number): EscrowEffect[] {
  const purse = new Purse(state.held, state.closing, wallMs);
  const isShort = "missing" in purse.takeAll(wanted.budgets, wanted.nanos);
  if (isShort && state.waiting.isFull(wanted.budgets))
    return [{ type: "refuse", id: wanted.id, code: "budget_unavailable" }];
  if (isShort) state.waiting.add(wanted);
  return give(state, purse, [wanted]);
}

/** What has come into these budgets goes to those who wait for it, in the order of their coming. */
function serve(state: EscrowState, budgets: readonly string[], wallMs: number): EscrowEffect[] {
  return give(state, new Purse(state.held, state.closing, wallMs), state.waiting.of(new Set(budgets)));
}

/** Gives money to each of them for whom there is enough, and asks for what the others are missing. */
function give(state: EscrowState, purse: Purse, to: readonly Wanted[]): EscrowEffect[] {
  const effects: EscrowEffect[] = [];
  const short = new Map<string, Shortage>();
  for (const wanted of to) {
    const taken = purse.takeAll(wanted.budgets, wanted.nanos);
    if ("charges" in taken) {
      effects.push(reserve(state, wanted, taken.charges));
      purse.taken(wanted.budgets);
      state.waiting.remove(wanted.id);
      continue;
    }
    for (const [budget, min] of taken.missing) {
      const first = short.get(budget);
      if (first === undefined) short.set(budget, { min, bound: wanted.nanos, want: min });
      else first.want += wanted.nanos;
    }
  }
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
  const effects: EscrowEffect[] = event.code === "exhausted" ? refuseBeyond(state, budget, event) : [];
  return state.waiting.has(budget) ? [...effects, { type: "ask-later", budget }] : effects;
}

/** Whoever needs more of it than is left is refused; the others wait on. */
function refuseBeyond(
  state: EscrowState,
  budget: string,
  { limit, spent }: { readonly limit: bigint; readonly spent: bigint },
): EscrowEffect[] {
  return state.waiting.of(new Set([budget])).flatMap(({ id, nanos }): EscrowEffect[] => {
    if (nanos <= limit - spent) return [];
    state.waiting.remove(id);
    const code = nanos > limit ? "request_exceeds_budget" : "budget_exceeded";
    return [{ type: "refuse", id, code }];
  });
}

function giveUp(state: EscrowState, id: string): EscrowEffect[] {
  return state.waiting.remove(id) ? [{ type: "refuse", id, code: "budget_unavailable" }] : [];
}

/** The same question as before when it was never answered; the control plane knows it by its `req`. */
function onAskAgain(state: EscrowState, budget: string, wallMs: number): EscrowEffect[] {
  const asked = state.asked.get(budget);
  const waits = state.waiting.has(budget);
  if (asked === undefined) return waits ? serve(state, [budget], wallMs) : [];
  // Asked ahead it goes on as well: under another name the control plane would give a second slice.
  if (waits || asked.ahead === true) return [{ type: "ask", ask: asked }];
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
  const budgets: string[] = [];
  for (const { slice } of reservation.charges) {
    if (state.closing.has(slice)) effects.push(...shrink(state, slice));
    budgets.push(state.held.slices.get(slice)?.slice.budget ?? "");
  }
  return [...effects, ...serve(state, budgets, wallMs)];
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
  state.dropped.add(one.slice, { spent: one.spent, lastSeq: one.lastSeq });
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
