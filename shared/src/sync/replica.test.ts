import fc from "fast-check";
import { expect, test } from "vitest";
import { KEYS, World } from "./testing/world.ts";

/** Property runs; each is a history of up to a hundred commands. */
const RUNS = 1_500;

/** One thing that may happen, as fast-check shows it when it found a way to break something. */
class Happening implements fc.Command<object, World> {
  readonly #name: string;
  readonly #run: (world: World) => void;

  constructor(name: string, run: (world: World) => void) {
    this.#name = name;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  run(_model: object, world: World): void {
    this.#run(world);
    expect(world.violations).toEqual([]);
  }

  toString(): string {
    return this.#name;
  }
}

const pick = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** An element of what there is by then; `late` prefers the latest. */
function at<T>(all: readonly T[], where: number): T | undefined {
  return all[Math.floor(where * all.length)];
}

const happenings: fc.Arbitrary<Happening>[] = [
  fc
    .tuple(
      fc.constantFrom(...KEYS),
      fc.constantFrom("edit", "deactivate", "activate", "rotate", "revoke", "delete"),
    )
    .map(([id, what]) => new Happening(`${what} ${id}`, (world) => world.commit(id, what))),
  pick.map(
    (where) =>
      new Happening(`deliver any delta ${where}`, (world) => {
        const delta = at(world.deltas, where);
        if (delta !== undefined) world.dispatch(delta);
      }),
  ),
  fc.constant(
    new Happening("deliver what comes next", (world) => {
      for (const delta of world.deltas) {
        if (delta.delta.epoch === world.state.at.epoch && delta.delta.rev > world.state.at.rev)
          world.dispatch(delta);
      }
    }),
  ),
  fc.constant(new Happening("snapshot of the head", (world) => world.deliverSnapshot(world.head))),
  pick.map(
    (where) =>
      new Happening(`any snapshot ${where}`, (world) => {
        const past = at(world.history, where);
        if (past !== undefined) world.deliverSnapshot(past);
      }),
  ),
  fc.constant(new Happening("heartbeat", (world) => world.heartbeat())),
  fc.constant(
    new Happening("latest answer", (world) => {
      const fresh = world.answers.at(-1);
      if (fresh !== undefined) world.dispatch({ type: "fresh", fresh });
    }),
  ),
  pick.map(
    (where) =>
      new Happening(`any answer ${where}`, (world) => {
        const fresh = at(world.answers, where);
        if (fresh !== undefined) world.dispatch({ type: "fresh", fresh });
      }),
  ),
  fc.boolean().map((tell) => new Happening(`write ${tell}`, (world) => world.write(tell))),
  fc.constant(
    new Happening("write everything", (world) => {
      while (world.onDisk < world.written.length) world.write(true);
    }),
  ),
  fc.boolean().map((whole) => new Happening(`restart ${whole}`, (world) => world.restart(whole))),
  fc.integer({ min: 1, max: 60_000 }).map(
    (ms) =>
      new Happening(`wait ${ms}`, (world) => {
        world.nowMs += ms;
        world.check();
      }),
  ),
  fc.integer({ min: 1, max: 60_000 }).map(
    (ms) =>
      new Happening(`pause ${ms}`, (world) => {
        world.nowMs += ms;
        world.pausedMs += ms;
        world.check();
      }),
  ),
  fc
    .integer({ min: 0, max: 3 })
    .map((lost) => new Happening(`fail over ${lost}`, (world) => world.failOver(lost))),
];

test("I3 I4 I5 I6 I8: whatever a courier, a crash, a pause or a failover does, nothing of the bargain breaks", () => {
  fc.assert(
    fc.property(fc.commands(happenings, { maxCommands: 100, size: "max" }), (commands) => {
      fc.modelRun(() => ({ model: {}, real: new World() }), commands);
    }),
    { numRuns: RUNS },
  );
});

test("I3: a key that was dead and alive again before its commits were lost is unknown, while the disk still writes of its death", () => {
  const world = new World();
  const [id = ""] = KEYS;
  for (const change of ["edit", "revoke", "activate"] as const) world.commit(id, change);
  const [start] = world.history;
  if (start !== undefined) world.deliverSnapshot(start);
  for (const delta of world.deltas) world.dispatch(delta);
  world.failOver(3);
  world.deliverSnapshot(world.head);
  while (world.onDisk < world.written.length) world.write(true);
  expect(world.violations).toEqual([]);
  expect(world.state.table.key(id)).toBeUndefined();
});

test("the histories are rich: proofs are accepted, epochs adopted and keys kept dead in them", () => {
  const seen = { proofs: 0, epochs: 0, kept: 0, cold: 0 };
  fc.assert(
    fc.property(fc.commands(happenings, { maxCommands: 100, size: "max" }), (commands) => {
      const world = new World();
      fc.modelRun(() => ({ model: {}, real: world }), commands);
      if (world.state.proof?.basis.kind === "running") seen.proofs += 1;
      if (world.state.proof?.basis.kind === "cold") seen.cold += 1;
      if (world.state.at.epoch > 1) seen.epochs += 1;
      if (world.state.kept.size > 0) seen.kept += 1;
    }),
    { numRuns: RUNS, seed: 7 },
  );
  for (const [what, n] of Object.entries(seen)) expect(n, what).toBeGreaterThan(3);
});
