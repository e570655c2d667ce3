/**
 * Judges from outside: it knows what was committed, what was promised and what was admitted, and nothing of how.
 * An admission is justified by a committed version of the key that is not older than what this replica has confirmed
 * or promised to be past. So one rule covers revoke, deactivate, rotate and every other restriction (I1, I2).
 */
import { refusals } from "@claviger/shared/decide/refusals";
import { isDead } from "@claviger/shared/sync/fold-key";
import { type Position, reaches } from "@claviger/shared/sync/position";
import type { ControlPlane, Operation } from "./control-plane.ts";
import { admittedGeneration } from "./keys.ts";
import type { ReplicaHost, Witness } from "./replica-host.ts";
import type { World } from "./world.ts";

export type Invariant =
  | ("I1" | "I2" | "I3" | "I4" | "I6" | "I7" | "I8" | "I23" | "false-401")
  | ("I9" | "I10" | "I13" | "I14" | "I15");

export interface Violation {
  readonly invariant: Invariant;
  readonly atMs: number;
  readonly detail: string;
}

interface Promised {
  readonly byMs: number;
  readonly position: Position;
}

export class Oracle implements Witness {
  readonly violations: Violation[] = [];
  admissions = 0;
  confirmations = 0;
  readonly #world: World;
  readonly #controlPlane: () => ControlPlane;
  /** Commits may be lost: then a confirmation is void, and only what a replica itself knew counts. */
  readonly #lossy: boolean;
  readonly #floors = new Map<string, { position: Position; by: "I1" | "I2" }>();
  readonly #promised = new Map<string, Promised[]>();
  readonly #confirmed = new Map<string, Position>();
  readonly #dead = new Map<string, number>();
  readonly #damaged = new Set<string>();
  readonly #open = new Set<Operation>();
  #seen = 0;

  constructor(world: World, controlPlane: () => ControlPlane, lossy: boolean) {
    this.#world = world;
    this.#controlPlane = controlPlane;
    this.#lossy = lossy;
  }

  /** Reads every open operation as an administrator would, and remembers what was said. */
  look(): void {
    const cp = this.#controlPlane();
    for (; this.#seen < cp.operations.length; this.#seen++)
      this.#open.add(cp.operations[this.#seen] as Operation);
    for (const operation of this.#open) {
      const view = cp.view(operation);
      for (const gateway of view.gateways) {
        const slot = `${gateway.replica}|${operation.keyId}`;
        if (gateway.state === "confirmed") {
          this.#raise(slot, operation, "I1");
          this.#confirm(gateway.replica, operation);
        } else if (gateway.refusesBy !== undefined) {
          const promises = this.#promised.get(slot) ?? [];
          promises.push({ byMs: Date.parse(gateway.refusesBy), position: operation });
          this.#promised.set(slot, promises.slice(-200));
        }
      }
      if (view.status !== "confirmed") continue;
      this.#open.delete(operation);
      this.confirmations++;
    }
  }

  /** Nothing is left to confirm, and everybody is at head: asked after the faults have stopped. */
  settled(hosts: readonly ReplicaHost[]): void {
    this.look();
    const { head } = this.#controlPlane();
    for (const host of hosts) {
      const at = host.state?.durable;
      if (at === undefined || !reaches(at, head)) {
        this.#report("I23", `${host.name} rests at ${text(at)}, head is ${text(head)}`);
      }
    }
    if (!this.#lossy && this.#open.size > 0) this.#report("I23", `${this.#open.size} operations still open`);
  }

  spoke(host: ReplicaHost, said: Position, onDisk: Position): void {
    if (!reaches(onDisk, said)) {
      this.#report("I6", `${host.name} said ${text(said)} with ${text(onDisk)} on disk`);
    }
  }

  proved(host: ReplicaHost, cpTimeMs: number): void {
    const recordedMs = this.#controlPlane().provedUntilMs(host.name) ?? 0;
    if (!this.#lossy && cpTimeMs > recordedMs) {
      this.#report(
        "I7",
        `${host.name} has a proof of ${cpTimeMs}, recorded is ${recordedMs}: a revocation cannot see it`,
      );
    }
  }

  restarted(host: ReplicaHost, damaged: boolean): void {
    // Taking a snapshot heals the files, not the ignorance: that ends with a proof.
    if (damaged) this.#damaged.add(host.name);
    else if (host.state?.proof !== undefined) this.#damaged.delete(host.name);
  }

  /** What the replica holds of each key is what was committed as of its revision; what it knew dead stays dead. */
  inspect(host: ReplicaHost): void {
    const { state } = host;
    if (state === undefined || !state.table.configured) return;
    for (const record of state.table.keys()) {
      if (isDead(record) && reaches(state.durable, state.at))
        this.#bury(host.name, record.id, record.generation);
      if (this.#lossy || state.forked || state.closed.size > 0) continue;
      const expected = this.#versionAt(record.id, state.at);
      if (
        expected === undefined ||
        expected.generation !== record.generation ||
        expected.status !== record.status
      ) {
        this.#report(
          "I4",
          `${host.name} at ${text(state.at)} holds ${record.id} ${record.status}/${record.generation}, committed is ${expected?.status}/${expected?.generation}`,
        );
      }
    }
  }

  request(host: ReplicaHost, keyId: string, hash: string): void {
    const decision = host.admit(hash);
    if (decision === undefined || decision.kind === "unsure") return;
    if (decision.kind === "refused")
      return this.#judgeRefusal(host, keyId, hash, refusals[decision.refusal.code].status);
    this.admissions++;
    const { generation } = decision.principal;
    if (host.state?.proof?.basis.kind === "running") this.#damaged.delete(host.name);
    if (this.#damaged.has(host.name)) {
      this.#report("I8", `${host.name} admitted ${keyId} by an older generation of its state`);
    }
    if (generation <= (this.#dead.get(`${host.name}|${keyId}`) ?? 0)) {
      this.#report("I3", `${host.name} admitted ${keyId}/${generation}, which it knew to be dead`);
    }
    if (this.#lossy) return;
    const floor = this.#floor(host.name, keyId);
    if (floor === undefined) return;
    const justified = this.#versionsFrom(keyId, floor.position).some(
      (record) => admittedGeneration(record, hash) === generation,
    );
    if (!justified) {
      this.#report(
        floor.by,
        `${host.name} admitted ${keyId}/${generation}, restricted at ${text(floor.position)}`,
      );
    }
  }

  /** A key that was valid in every version since the one that the replica has confirmed is never told 401. */
  #judgeRefusal(host: ReplicaHost, keyId: string, hash: string, status: number): void {
    const held = this.#confirmed.get(host.name);
    if (status !== 401) return;
    if (this.#lossy) return this.#judgeWord(host, keyId, hash);
    if (held === undefined || this.#damaged.has(host.name)) return;
    const versions = this.#versionsFrom(keyId, held);
    if (versions.every((record) => admittedGeneration(record, hash) !== undefined)) {
      this.#report("false-401", `${host.name} refused ${keyId}, valid since ${text(held)}`);
    }
  }

  /** Where commits get lost, a 401 is at least what somebody once decided, and never a replica's own caution. */
  #judgeWord(host: ReplicaHost, keyId: string, hash: string): void {
    const held = host.state?.table.byHash(hash)?.key;
    if (held === undefined || isDead(held)) return;
    const versions = this.#controlPlane().timeline.get(keyId) ?? [];
    const decided = versions.some(
      ({ record }) => record.generation === held.generation && record.status === held.status,
    );
    if (!decided) {
      this.#report("false-401", `${host.name} refused ${keyId} as ${held.status}, which nobody decided`);
    }
  }

  #floor(replica: string, keyId: string): { position: Position; by: "I1" | "I2" } | undefined {
    const slot = `${replica}|${keyId}`;
    const nowMs = this.#controlPlane().nowMs();
    const promises = this.#promised.get(slot) ?? [];
    for (const { byMs, position } of promises) if (nowMs > byMs) this.#raise(slot, position, "I2");
    this.#promised.set(
      slot,
      promises.filter(({ byMs }) => nowMs <= byMs),
    );
    return this.#floors.get(slot);
  }

  #raise(slot: string, { epoch, rev }: Position, by: "I1" | "I2"): void {
    const position = { epoch, rev };
    const held = this.#floors.get(slot)?.position;
    if (held === undefined || !reaches(held, position)) this.#floors.set(slot, { position, by });
  }

  #confirm(replica: string, { epoch, rev }: Position): void {
    const position = { epoch, rev };
    const held = this.#confirmed.get(replica);
    if (held === undefined || !reaches(held, position)) this.#confirmed.set(replica, position);
  }

  #bury(replica: string, keyId: string, generation: number): void {
    const slot = `${replica}|${keyId}`;
    this.#dead.set(slot, Math.max(this.#dead.get(slot) ?? 0, generation));
  }

  /** The version in force at `position`, and all later ones. */
  #versionsFrom(keyId: string, position: Position) {
    const versions = this.#controlPlane().timeline.get(keyId) ?? [];
    const inForce = versions.findLastIndex(({ at }) => reaches(position, at));
    return versions.slice(Math.max(0, inForce)).map(({ record }) => record);
  }

  #versionAt(keyId: string, position: Position) {
    return this.#versionsFrom(keyId, position)[0];
  }

  #report(invariant: Violation["invariant"], detail: string): void {
    this.violations.push({ invariant, atMs: Math.round(this.#world.nowMs), detail });
  }
}

function text(position: Position | undefined): string {
  return position === undefined ? "nowhere" : `${position.epoch}.${position.rev}`;
}
