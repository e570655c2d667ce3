/** A bus that loses, repeats, delays, reorders and cuts whole parties off, and an enemy on it who keeps what he saw. */
import type { World } from "./world.ts";

const LOSS = 0.12;
const DUPLICATION = 0.1;
const LATE = 0.08;
const KEPT_MAX = 400;

export class Network {
  /** From here on messages arrive, once and soon: to see whether everything heals. */
  calm = false;
  readonly #world: World;
  readonly #cut = new Map<string, number>();
  readonly #kept: (() => void)[] = [];
  /** Few and far between, so they are kept apart and for good. */
  readonly #snapshots: (() => void)[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Nothing passes from or to this party until it heals; cuts may overlap. */
  cut(party: string, forMs: number): void {
    this.#cut.set(party, (this.#cut.get(party) ?? 0) + 1);
    this.#world.after(forMs, () => this.#cut.set(party, (this.#cut.get(party) ?? 1) - 1));
  }

  /** The enemy plays an earlier message again, to whom it was meant for. */
  replay(): void {
    const from = this.#world.chance(0.2) ? this.#snapshots : this.#kept;
    if (from.length > 0) this.#world.pick(from)();
  }

  /** A snapshot travels like any other message, but is remembered for longer. */
  sendSnapshot(from: string, to: string, deliver: () => void): void {
    this.#snapshots.push(deliver);
    this.send(from, to, deliver);
  }

  send(from: string, to: string, deliver: () => void): void {
    const world = this.#world;
    this.#kept.push(deliver);
    if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    if (this.calm) return world.after(world.between(2, 20), deliver);
    const copies = world.chance(DUPLICATION) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (world.chance(LOSS)) continue;
      const delayMs = world.chance(LATE) ? world.between(500, 60_000) : world.between(2, 200);
      world.after(delayMs, () => {
        if ((this.#cut.get(from) ?? 0) === 0 && (this.#cut.get(to) ?? 0) === 0) deliver();
      });
    }
  }
}
