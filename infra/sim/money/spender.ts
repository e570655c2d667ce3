/**
 * A replica that spends: the real escrow and outbox over a journal that is slower than memory, in a process that may end
 * at any moment, and a provider that bills what was forwarded whatever became of the process.
 */
import { Held, type JournalRecord } from "@claviger/shared/escrow/held";
import {
  acknowledged,
  answered,
  numberOf,
  type Outbox,
  outboxAt,
  toOffer,
} from "@claviger/shared/escrow/outbox";
import { holdings, recover } from "@claviger/shared/escrow/recover";
import { step } from "@claviger/shared/escrow/replica";
import type { EscrowEffect, EscrowEvent, EscrowState } from "@claviger/shared/escrow/replica-state";
import type { Holding } from "@claviger/shared/escrow/slice";
import { bootOf } from "@claviger/shared/sync/boot";
import type { Network } from "../network.ts";
import type { World } from "../world.ts";
import type { Answer, Bank, Event, Fresh } from "./bank.ts";

const HEARTBEAT_MS = 1_000;
const FLUSH_MS = 200;
const WAIT_MS_MAX = 1_000;
const ASK_TIMEOUT_MS = 300;
const BATCH_MAX = 40;
/** Every so many heartbeats one names only a part of its slices. */
const PART_EVERY = 4;

/** What the oracle is told. */
export interface Witness {
  forwarded(spender: Spender, attempt: string): void;
  billed(attempt: string, nanos: bigint): void;
  refused(attempt: string, code: string): void;
  /** What is said of slices, and what the disk says of them. */
  spoke(said: readonly Holding[], onDisk: Held): void;
}

interface Write {
  readonly n: number;
  readonly record: JournalRecord | null;
  readonly event: Event | null;
}

export class Spender {
  readonly name: string;
  state: EscrowState | undefined;
  outbox: Outbox = outboxAt(0, 1);
  /** Its machine will never come back. */
  lost = false;
  readonly #world: World;
  readonly #network: Network;
  readonly #bank: Bank;
  readonly #witness: Witness;
  readonly #skewMs: number;
  readonly #journal: JournalRecord[] = [];
  readonly #disk = new Held();
  readonly #events: Event[] = [];
  /** As far as it has been told to let events go; on disk. */
  #cursor = 0;
  /** Events that were numbered and that it does not know to be on disk. */
  #unnumbered = 0;
  #writes: Write[] = [];
  #flushing = false;
  #incarnation = 0;
  #attempts = 0;
  #beats = 0;

  constructor(name: string, world: World, network: Network, bank: Bank, witness: Witness) {
    this.name = name;
    this.#world = world;
    this.#network = network;
    this.#bank = bank;
    this.#witness = witness;
    this.#skewMs = world.between(-400, 400);
  }

  boot(): void {
    const incarnation = ++this.#incarnation;
    const first = this.#events.length + 1;
    this.outbox = outboxAt(this.#cursor, first);
    this.#unnumbered = 0;
    const recovered = recover(
      { replica: this.name, boot: bootOf(incarnation, "simulated") },
      this.#journal,
      first,
      this.#wallMs(),
    );
    this.state = recovered.state;
    this.#carryOut(recovered.effects);
    this.#repeat(HEARTBEAT_MS, () => this.#beat());
    this.#repeat(FLUSH_MS, () => this.#flushUsage());
    this.#repeat(5_000, () => this.#step({ type: "tick", wallMs: this.#wallMs() }));
  }

  crash(forMs: number): void {
    if (this.state === undefined) return;
    this.state = undefined;
    this.#incarnation++;
    this.#writes = [];
    this.#flushing = false;
    if (this.lost) return;
    this.#world.after(forMs, () => this.boot());
  }

  /** A request that may cost `nanos`; the attempt's name, or undefined when nobody is there. */
  request(budgets: readonly string[], nanos: bigint): string | undefined {
    if (this.state === undefined) return undefined;
    const id = `${this.name}.${this.#incarnation}.${++this.#attempts}`;
    this.#step({ type: "reserve", wanted: { id, budgets, nanos, about: id }, wallMs: this.#wallMs() });
    this.#after(WAIT_MS_MAX, () => this.#step({ type: "gave-up", id }));
    return id;
  }

  /** A request that no budget stands on leaves an event as well, in the same sequence. */
  unbudgeted(): void {
    if (this.state === undefined) return;
    const seq = this.#nextSeq();
    this.#write({ n: 0, record: null, event: { seq, attempt: null, charges: [], overrun: 0n } });
  }

  #wallMs(): number {
    return this.#world.nowMs + this.#skewMs;
  }

  #step(event: EscrowEvent): void {
    if (this.state !== undefined) this.#carryOut(step(this.state, event));
  }

  #carryOut(effects: readonly EscrowEffect[]): void {
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: EscrowEffect): void {
    switch (effect.type) {
      case "append":
        return this.#write({ n: effect.n, record: effect.record, event: eventOf(effect.record) });
      case "forward":
        return this.#forward(effect.id);
      case "ask": {
        const { ask } = effect;
        const hear = (said: Answer) => this.#network.send("cp", this.name, () => this.#answered(said));
        this.#network.send(this.name, "cp", () => this.#bank.ask(this.name, ask, hear));
        return this.#askAgain(ask.budget, ASK_TIMEOUT_MS);
      }
      case "ask-later":
        return this.#askAgain(effect.budget, 150);
      case "refuse":
        return this.#witness.refused(effect.id, effect.code);
      case "report":
        return this.#after(5, () => this.#beat());
      case "overrun":
        throw new Error(`${effect.id} cost ${effect.nanos} more than it could`);
    }
  }

  #answered(said: Answer): void {
    const wallMs = this.#wallMs();
    this.#step("slice" in said ? { type: "slice", slice: said.slice, wallMs } : { type: "denied", ...said });
  }

  #askAgain(budget: string, inMs: number): void {
    this.#after(inMs, () => this.#step({ type: "ask-again", budget, wallMs: this.#wallMs() }));
  }

  /** The provider bills at some moment, and the answer comes after that or never. */
  #forward(id: string): void {
    const world = this.#world;
    const nanos = this.state?.held.reservations.get(id)?.nanos ?? 0n;
    const actual = world.chance(0.15) ? nanos : BigInt(Math.floor(Number(nanos) * world.between(0, 1)));
    const totalMs = world.between(20, 1_500);
    this.#witness.forwarded(this, id);
    world.after(totalMs * world.between(0, 1), () => this.#witness.billed(id, actual));
    this.#after(totalMs, () => {
      const aborted = world.chance(0.1);
      const seq = this.#nextSeq();
      this.#step({ type: "settle", id, seq, actual: aborted ? null : actual, wallMs: this.#wallMs() });
    });
  }

  #nextSeq(): number {
    return numberOf(this.outbox, this.#unnumbered);
  }

  #write(write: Write): void {
    this.#writes.push(write);
    if (write.event !== null) this.#unnumbered++;
    if (!this.#flushing) this.#sync();
  }

  /** All that waits goes to the disk together; the process learns of it a little later, or never. */
  #sync(): void {
    this.#flushing = true;
    const delayMs = this.#world.chance(0.03) ? this.#world.between(100, 800) : this.#world.between(1, 15);
    this.#after(delayMs, () => {
      const writes = this.#writes.splice(0);
      for (const { record, event } of writes) {
        if (record !== null) {
          this.#journal.push(record);
          this.#disk.apply(record);
        }
        if (event !== null) this.#events.push(event);
      }
      this.#cursor = this.outbox.cursor;
      this.#after(this.#world.between(0, 5), () => {
        this.outbox.durableSeq = this.#events.length + 1;
        this.#unnumbered -= writes.reduce((n, { event }) => (event === null ? n : n + 1), 0);
        const n = writes.reduce((max, write) => Math.max(max, write.n), 0);
        if (n > 0) this.#step({ type: "persisted", n });
        if (this.#writes.length > 0) this.#sync();
        else this.#flushing = false;
      });
    });
  }

  #flushUsage(): void {
    const range = toOffer(this.outbox, BATCH_MAX);
    if (range === undefined) return;
    const events = this.#events.slice(range.from - 1, range.to);
    const pieces = this.#world.chance(0.3) ? events.map((one) => [one]) : [events];
    for (const piece of pieces) {
      const hear = (cursor: number) =>
        this.#network.send("cp", this.name, () => this.#offered(range.from, cursor));
      this.#network.send(this.name, "cp", () => this.#bank.usage(this.name, piece, hear));
    }
  }

  #offered(from: number, cursor: number): void {
    if (this.state === undefined) return;
    if (answered(this.outbox, from, cursor) === "above") throw new Error(`${cursor} is above what there is`);
  }

  #beat(): void {
    if (this.state === undefined) return;
    const { boot } = this.state.identity;
    const all = holdings(this.state);
    // Now and then it is too much for a message.
    const isPartial = ++this.#beats % PART_EVERY === 0;
    const beat = {
      ...{ replica: this.name, boot, lastSeq: this.outbox.durableSeq - 1, isPartial },
      holdings: isPartial ? all.filter((_, nth) => nth % 2 === 0) : all,
    };
    this.#witness.spoke(beat.holdings, this.#disk);
    const hear = (fresh: Fresh) => this.#network.send("cp", this.name, () => this.#fresh(fresh));
    this.#network.send(this.name, "cp", () => this.#bank.heartbeat(beat, hear));
  }

  #fresh(fresh: Fresh): void {
    if (this.state === undefined || fresh.boot !== this.state.identity.boot) return;
    if (acknowledged(this.outbox, fresh.cursor) === "above")
      throw new Error(`a cursor of ${fresh.cursor}, above what there is`);
    for (const slice of fresh.slices) this.#step({ type: "slice", slice, wallMs: this.#wallMs() });
    for (const slice of fresh.recall) this.#step({ type: "recall", slice });
    for (const slice of fresh.closed) this.#step({ type: "closed", slice });
  }

  #repeat(everyMs: number, run: () => void): void {
    this.#after(everyMs * this.#world.between(0.8, 1.2), () => {
      run();
      this.#repeat(everyMs, run);
    });
  }

  #after(delayMs: number, run: () => void): void {
    const incarnation = this.#incarnation;
    this.#world.after(delayMs, () => {
      if (incarnation === this.#incarnation) run();
    });
  }
}

function eventOf(record: JournalRecord): Event | null {
  if (record.kind !== "settle") return null;
  const { seq, id, charges, overrun } = record;
  return { seq, attempt: id, charges, overrun };
}
