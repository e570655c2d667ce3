import { afterAll, beforeAll, expect, test } from "vitest";
import { figuresOf, printFigures } from "./proofs/figures.ts";
import { judge, RESTRICTIONS, type RestrictionName, tryRestriction } from "./proofs/restriction.ts";
import type { MadeKey } from "./support/admin.ts";
import { type Load, startLoad } from "./support/load.ts";
import { aimEverywhere, startWorld, type World } from "./support/world.ts";

const REPETITIONS = 5;

let world: World;
let load: Load;
let control: MadeKey;

beforeAll(async () => {
  world = await startWorld();
  load = startLoad();
  control = await world.admin.createKey(world.projectId, { name: "control" });
});
afterAll(async () => {
  await load?.end();
  await world?.stack.stop();
});

test.each(Object.keys(RESTRICTIONS) as RestrictionName[])(
  "under load on both gateways, nothing that begins after a confirmed %s is admitted (I1)",
  async (name) => {
    const waits: number[] = [];
    for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
      const trial = await tryRestriction(world, load, name, control);
      expect(trial.refusedAfter).toBeGreaterThan(0);
      waits.push(trial.confirmedMs);
    }
    console.log(printFigures(`${name}, call to confirmed`, figuresOf(waits)));
  },
);

test("control: the same load and the same judgement object when the key is not taken away", async () => {
  const key = await world.admin.createKey(world.projectId);
  load.aim(
    aimEverywhere(world, { tag: "target", secret: key.secret, model: "sandbox/echo", perSecond: 200 }),
  );
  await load.until(["target"], 10, { status: 200 });
  const answeredNs = process.hrtime.bigint();
  await load.until(["target"], 20, { afterNs: answeredNs });
  const shots = await load.cease();
  expect(() => judge(shots, answeredNs, RESTRICTIONS.revoke, world)).toThrow("admitted after `confirmed`");
  for (const { name } of world.gateways) {
    const late = shots.filter((shot) => shot.gateway === name && shot.startedNs > answeredNs);
    expect(late.filter((shot) => shot.status === 200).length).toBeGreaterThanOrEqual(20);
  }
});
