/** A gateway on Workers beside one on Node, on real workerd: the same promises, and those that only an object that sleeps needs. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { proveBudget } from "./proofs/budget.ts";
import { RESTRICTIONS, type RestrictionName, tryRestriction } from "./proofs/restriction.ts";
import { type MadeKey, namesIn, readOperation } from "./support/admin.ts";
import { type Load, startLoad } from "./support/load.ts";
import { startWorld, useKey, type World } from "./support/world.ts";

const EDGE = "gateway-edge-1";
const NAMES = ["edge-1", "eu-1"];
const WAIT = { timeout: 60_000, interval: 100 };

let world: World;
let load: Load;
let control: MadeKey;
let edge = "";

beforeAll(async () => {
  world = await startWorld({
    gateways: { "eu-1": 1 },
    workers: { "edge-1": 3 },
    // An object falls asleep a second after its last request, and its alarm comes once in five minutes.
    env: { [EDGE]: { CLAVIGER_ACTIVE_SECONDS: "1", CLAVIGER_QUIET_SECONDS: "300" } },
  });
  edge = world.gateways.find(({ name }) => name === "edge-1")?.url ?? "";
  load = startLoad();
  control = await world.admin.createKey(world.projectId, { name: "control" });
});
afterAll(async () => {
  await load?.end();
  await world?.stack.stop();
});

/** Resolves when the object has left the bus: it logs that it rests. */
async function asleep(): Promise<void> {
  const rests = () => world.stack.child(EDGE).logTail(2_000).split('"msg":"the object rests"').length;
  const before = rests();
  await useKey(edge, control);
  await expect.poll(rests, WAIT).toBeGreaterThan(before);
}

test.each(Object.keys(RESTRICTIONS) as RestrictionName[])(
  "under load on Node and on Workers, nothing that begins after a confirmed %s is admitted (I1)",
  async (name) => {
    const trial = await tryRestriction(world, load, name, control);
    expect(trial.refusedAfter).toBeGreaterThan(0);
  },
);

test("an object that is asleep confirms a revocation by the knock, and refuses when it is asked", async () => {
  const key = await world.admin.createKey(world.projectId);
  await asleep();
  const calledMs = performance.now();
  const { status, operation } = await RESTRICTIONS.revoke.take(world.admin, key);
  console.log(`asleep: confirmed after ${(performance.now() - calledMs).toFixed(0)} ms`);
  expect([status, operation.status, namesIn(operation, "confirmed")]).toEqual([200, "confirmed", NAMES]);
  expect(await useKey(edge, key)).toMatchObject({ status: 401 });
});

test("a key that is made while the object is asleep works there at once", async () => {
  await asleep();
  const key = await world.admin.createKey(world.projectId);
  expect(await useKey(edge, key)).toMatchObject({ status: 200 });
});

test("a Worker that cannot be reached is named with the moment from which it refuses, and obeys when it is back", async () => {
  const key = await world.admin.createKey(world.projectId);
  expect(await useKey(edge, key)).toMatchObject({ status: 200 });
  await world.stack.child(EDGE).stop();
  const { status, operation } = await world.admin.change(
    ...(["POST", `/api-keys/${key.id}/revoke`, {}, { prefer: "wait=1" }] as const),
  );
  const away = operation.gateways.find(({ name }) => name === "edge-1");
  expect([status, operation.status]).toEqual([202, "pending"]);
  expect(away?.refusesBy).toEqual(operation.safeBy);
  await world.stack.child(EDGE).start();
  expect(await useKey(edge, key)).toMatchObject({ status: 401 });
  const reads = async () => (await readOperation(world.admin, operation.id)).status;
  await expect.poll(reads, WAIT).toBe("confirmed");
});

test("workerd killed: without the control plane it serves from what it had, and what was revoked stays so", async () => {
  const [good, dead] = [
    await world.admin.createKey(world.projectId),
    await world.admin.createKey(world.projectId),
  ];
  await RESTRICTIONS.revoke.take(world.admin, dead);
  expect(await useKey(edge, good)).toMatchObject({ status: 200 });
  for (const name of ["control-plane", "nats"] as const) world.stack.child(name).kill("SIGSTOP");
  try {
    const ended = world.stack.child(EDGE).nextExit();
    world.stack.child(EDGE).kill("SIGKILL");
    await ended;
    const answers = async (key: MadeKey) => (await useKey(edge, key).catch(() => undefined))?.status;
    await expect.poll(() => answers(good), WAIT).toBe(200);
    expect(await answers(dead)).toBe(401);
  } finally {
    for (const name of ["control-plane", "nats"] as const) world.stack.child(name).kill("SIGCONT");
  }
});

/** Changes what the stopped object has on disk; there is one object, and one file for it. */
function edit(change: (db: DatabaseSync) => void): void {
  const folder = join(world.stack.home, "gateways/edge-1/objects");
  const files = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  let edited = 0;
  for (const file of files.filter((name) => name.endsWith(".sqlite"))) {
    const db = new DatabaseSync(file);
    if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'state'").get() !== undefined) {
      change(db);
      edited += 1;
    }
    db.close();
  }
  expect(edited).toBe(1);
}

/** Of the generation that is in force; the one before it is kept. */
const LAST_RECORD_GONE = `DELETE FROM state WHERE (generation, n) IN
  (SELECT generation, n FROM state ORDER BY generation DESC, n DESC LIMIT 1)`;

test.each<[string, string]>([
  [
    "a record changed",
    "UPDATE state SET sealed = zeroblob(length(sealed)) WHERE n = (SELECT min(n) FROM state)",
  ],
  ["its last record gone", LAST_RECORD_GONE],
  ["all records gone", "DELETE FROM state"],
  ["no mark", "DELETE FROM state_mark"],
])(
  "state with %s admits nothing before the control plane has been heard, and never what is dead (I8)",
  async (_what, statement) => {
    const { admin, projectId } = world;
    const [good, dead] = [await admin.createKey(projectId), await admin.createKey(projectId)];
    await RESTRICTIONS.revoke.take(admin, dead);
    const child = world.stack.child(EDGE);
    await child.stop();
    edit((db) => db.exec(statement));
    for (const name of ["control-plane", "nats"] as const) world.stack.child(name).kill("SIGSTOP");
    // Ready it will not be: whether it answers is seen below.
    const starting = child.start().catch(() => undefined);
    const status = async (key: MadeKey) => (await useKey(edge, key).catch(() => undefined))?.status;
    try {
      await expect.poll(() => status(good), WAIT).toBe(503);
      expect([401, 503]).toContain(await status(dead));
    } finally {
      for (const name of ["control-plane", "nats"] as const) world.stack.child(name).kill("SIGCONT");
    }
    await starting;
    await expect.poll(() => status(good), WAIT).toBe(200);
    expect(await status(dead)).toBe(401);
  },
  180_000,
);

test("a budget is hard over Node and Workers together, while callers leave and answers break off", async () => {
  const run = { limitUsd: "1.00", requestsPerGateway: 60, tokensMax: 4_000, aborts: true };
  const figures = await proveBudget(world, run);
  expect(figures.billed).toBeLessThanOrEqual(figures.limit);
}, 300_000);
