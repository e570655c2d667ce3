/**
 * Judges money from outside: what the provider has billed, what the ledger says, and that at rest they are the same
 * story (I9, I13, I14, I23).
 */
import type { BudgetRow, SliceRow } from "@claviger/shared/escrow/budget-row";
import type { Held } from "@claviger/shared/escrow/held";
import { holdings } from "@claviger/shared/escrow/recover";
import type { Holding } from "@claviger/shared/escrow/slice";
import type { Violation } from "../oracle.ts";
import type { World } from "../world.ts";
import { type Auditor, type Bank, keyOf } from "./bank.ts";
import type { Spender, Witness } from "./spender.ts";

interface Attempt {
  readonly replica: string;
  /** Where its money comes from, by budget and window. */
  readonly from: readonly { readonly key: string; readonly n: bigint }[];
  billed: bigint;
}

export class MoneyOracle implements Auditor, Witness {
  readonly violations: Violation[] = [];
  readonly refusals = new Map<string, string>();
  readonly #world: World;
  readonly #bank: () => Bank;
  readonly #attempts = new Map<string, Attempt>();
  readonly #billed = new Map<string, bigint>();

  constructor(world: World, bank: () => Bank) {
    this.#world = world;
    this.#bank = bank;
  }

  get forwards(): number {
    return this.#attempts.size;
  }

  served(attempt: string): boolean {
    return this.#attempts.has(attempt);
  }

  forwarded(spender: Spender, attempt: string): void {
    if (this.#attempts.has(attempt)) return;
    const charges = spender.state?.held.reservations.get(attempt)?.charges ?? [];
    const from = charges.map(({ slice, n }) => {
      const row = this.#bank().slices.get(slice);
      if (row === undefined) throw new Error(`${attempt} spends from ${slice}, which was never issued`);
      return { key: keyOf(row), n };
    });
    this.#attempts.set(attempt, { replica: spender.name, from, billed: 0n });
  }

  /** The provider's money comes out of the windows that it was set aside in, in the order of the charges. */
  billed(name: string, nanos: bigint): void {
    const attempt = this.#attempts.get(name);
    if (attempt === undefined) throw new Error(`${name} was billed and never forwarded`);
    attempt.billed = nanos;
    const rest = new Map<string, bigint>();
    for (const { key, n } of attempt.from) {
      const budget = key.slice(0, key.indexOf("@"));
      const left = rest.get(budget) ?? nanos;
      const part = left - n > 0n ? n : left;
      rest.set(budget, left - part);
      this.#billed.set(key, (this.#billed.get(key) ?? 0n) + part);
    }
    this.committed();
  }

  refused(attempt: string, code: string): void {
    this.refusals.set(attempt, code);
  }

  /** A slice is called smaller when it is smaller on disk, and not before. */
  spoke(said: readonly Holding[], onDisk: Held): void {
    for (const { slice, amount } of said) {
      const there = onDisk.slices.get(slice)?.amount ?? 0n;
      if (amount < there) this.#report("I6", `${slice} is said to be ${amount}, on disk it is ${there}`);
    }
  }

  /** At every commit and at every bill: out at most the limit, billed at most what is out. */
  committed(): void {
    for (const [key, row] of this.#bank().rows) {
      const out = row.spent + row.open;
      if (out > row.limit && !row.shrinking) this.#report("I9", `${key}: ${out} out of ${row.limit}`);
      const billed = this.#billed.get(key) ?? 0n;
      if (billed > out)
        this.#report("I9", `${key}: ${billed} billed, ${out} spent or open, limit ${row.limit}`);
    }
  }

  excess(slice: SliceRow, nanos: bigint): void {
    this.#report("I9", `${slice.id} (${slice.state}) was charged ${nanos} that it did not have`);
  }

  /** Asked when the faults have long stopped. */
  settled(spenders: readonly Spender[]): void {
    const bank = this.#bank();
    for (const spender of spenders) if (!spender.lost) this.#atRest(spender, bank);
    this.#attemptsAreEvents(spenders, bank);
    for (const row of bank.rows.values()) this.#sums(row, bank);
  }

  /** Nothing in flight, nothing unsent, and both sides say the same of each slice. */
  #atRest(spender: Spender, bank: Bank): void {
    const { state, name, outbox } = spender;
    if (state === undefined) return this.#report("I23", `${name} is down`);
    if (state.held.reservations.size > 0) this.#report("I23", `${name} has open reservations`);
    if ((bank.cursors.get(name) ?? 0) !== outbox.durableSeq - 1)
      this.#report("I13", `${name} has unsent events`);
    const held = new Map(holdings(state).map((one) => [one.slice, one]));
    for (const slice of bank.slices.values()) {
      if (slice.replica !== name) continue;
      const one = held.get(slice.id);
      held.delete(slice.id);
      if (slice.state !== "closed" && (one?.amount !== slice.amount || one.spent !== slice.spent)) {
        const there = one === undefined ? "nothing" : `${one.spent}/${one.amount}`;
        this.#report("I23", `${slice.id}: ${slice.spent}/${slice.amount} in the ledger, ${there} at ${name}`);
      }
      if (slice.state === "closed" && one !== undefined)
        this.#report("I23", `${slice.id} is closed and held`);
    }
    if (held.size > 0) this.#report("I23", `${name} holds what nobody issued`);
  }

  #attemptsAreEvents(spenders: readonly Spender[], bank: Bank): void {
    const lost = new Set(spenders.filter((one) => one.lost).map(({ name }) => name));
    const events = new Map<string, bigint>();
    for (const event of [...bank.events.values()].flat()) {
      if (event.attempt === null) continue;
      if (events.has(event.attempt)) this.#report("I13", `${event.attempt} is in the ledger twice`);
      events.set(
        event.attempt,
        event.charges.reduce((sum, { n }) => sum + n, 0n),
      );
    }
    for (const [name, attempt] of this.#attempts) {
      if (lost.has(attempt.replica)) continue;
      const charged = events.get(name);
      const budgets = BigInt(new Set(attempt.from.map(({ key }) => key.slice(0, key.indexOf("@")))).size);
      if (charged === undefined) this.#report("I13", `${name} was forwarded and is not in the ledger`);
      else if (charged < attempt.billed * budgets)
        this.#report("I13", `${name} cost more than the ledger says`);
    }
  }

  #sums(row: BudgetRow, bank: Bank): void {
    const key = keyOf(row);
    const slices = new Map([...bank.slices].filter(([, one]) => keyOf(one) === key));
    const charged = new Map<string, bigint>();
    for (const { charges } of [...bank.events.values()].flat()) {
      for (const { slice, n } of charges) charged.set(slice, (charged.get(slice) ?? 0n) + n);
    }
    let spent = 0n;
    let events = 0n;
    for (const one of slices.values()) {
      if ((charged.get(one.id) ?? 0n) !== one.spent)
        this.#report("I14", `${one.id} is not the sum of its events`);
      spent += one.state === "written_off" ? one.amount : one.spent;
      events += charged.get(one.id) ?? 0n;
    }
    if (spent !== row.spent) this.#report("I14", `${key}: ${row.spent} spent, its slices say ${spent}`);
    const lost = [...slices.values()].some((one) => one.state === "written_off");
    const billed = this.#billed.get(key) ?? 0n;
    if (billed > (lost ? row.spent : events))
      this.#report("I13", `${key}: billed ${billed}, in the ledger ${events}`);
  }

  #report(invariant: Violation["invariant"], detail: string): void {
    this.violations.push({ invariant, atMs: Math.round(this.#world.nowMs), detail });
  }

  broken(error: unknown): void {
    this.#report("I10", error instanceof Error ? error.message : String(error));
  }

  /** In calm, whoever could be paid for is served; what is not spent is not stuck with somebody else. */
  probe(attempt: string, what: string): void {
    if (!this.served(attempt)) this.#report("I23", `${what} was not served: ${this.refusals.get(attempt)}`);
  }
}
