/**
 * Everything but the gateways is killed, under load. One timeline, so that its half minute is waited for once: what
 * runs goes on, what starts goes on from its disk, what was damaged or put back admits nothing, and then all is back.
 */
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { makeApiKey } from "@claviger/shared/key/secret";
import { seededRandom } from "@claviger/shared/testing/seeded-random";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  answerTo,
  auditedEverywhere,
  expectClocks,
  expectExpiry,
  expectTimeline,
  freshEverywhere,
  instantNs,
  kill,
  makeDead,
  readiness,
  until,
} from "./proofs/blackout.ts";
import { olderFiles } from "./proofs/older-files.ts";
import type { MadeKey } from "./support/admin.ts";
import {
  addGeneration,
  type ColdReplica,
  type Copied,
  copyGateway,
  filesOf,
  flip,
  inCopy,
  startCold,
} from "./support/cold-replica.ts";
import { type Load, startLoad } from "./support/load.ts";
import { aimEverywhere, startWorld, type World } from "./support/world.ts";

/** A replica that starts alone takes its clock for wrong by this much (A2). */
const MARGIN_S = 30;
const HASTY_S = 30;
const MIDDLE_S = HASTY_S + MARGIN_S;
const RESTARTED = "us-1";
const KILLED = ["control-plane", "nats", "postgres"] as const;
const FLIPS_PER_FILE = 4;
/** Lives of two keys from the beginning of the load: one ends before everything is killed, one after. */
const LIVES_MS = { brief: 4_000, fading: 40_000 };

let world: World;
let load: Load;
let living: Record<"hasty" | "middle" | "patient", MadeKey>;
/** Secret and code of each way of being dead. */
let dead: Map<string, string>;
/** Revoked as the last thing before the end, and confirmed. */
let last: MadeKey;
let replica = "";
/** The restarted gateway's home before the last revocation, and when it was killed. */
let before: Copied;
let atKill: Copied;
let killedNs = 0n;
const expiries = new Map<string, bigint>();

const nobodys = makeApiKey((length) => randomBytes(length)).secret;

beforeAll(async () => {
  world = await startWorld({ restart: false });
  load = startLoad();
  const { admin, projectId } = world;
  const make = (maxStalenessSeconds: number) => admin.createKey(projectId, { maxStalenessSeconds });
  living = { hasty: await make(HASTY_S), middle: await make(MIDDLE_S), patient: await make(900) };
  dead = await makeDead(world);
  last = await make(900);
  await freshEverywhere(world);
  before = copyGateway(world, RESTARTED);
});
afterAll(async () => {
  await load?.end();
  before?.remove();
  atKill?.remove();
  await world?.stack.stop();
});

const urlOf = (name: string) => world.gateways.find((gateway) => gateway.name === name)?.url ?? "";

async function expectDeadAreDead(url: string): Promise<void> {
  for (const [secret, code] of dead) expect(await answerTo(url, secret)).toBe(code);
}

test("control plane, database and bus killed under load: who runs goes on serving, and who is killed too serves again from its disk", async () => {
  const aimed: [string, MadeKey][] = Object.entries(living);
  for (const [tag, lifeMs] of Object.entries(LIVES_MS)) {
    const expiresAt = new Date(Date.now() + lifeMs);
    expiries.set(tag, instantNs(expiresAt.getTime()));
    aimed.push([tag, await world.admin.createKey(world.projectId, { expiresAt: expiresAt.toISOString() })]);
  }
  load.aim(
    aimed.flatMap(([tag, { secret }]) =>
      aimEverywhere(world, { tag, secret, model: "sandbox/echo", perSecond: 2 }),
    ),
  );
  await load.until([...expiries.keys(), ...Object.keys(living)], 1, { status: 200 });
  await load.until(["brief"], 2, { status: 401 });
  const { operation } = await world.admin.change("POST", `/api-keys/${last.id}/revoke`);
  expect(operation.status).toBe("confirmed");
  replica = operation.gateways.find(({ name }) => name === RESTARTED)?.replica ?? "";
  dead.set(last.secret, "401 key_revoked");
  // What is audited a moment after it was confirmed tells an older state from the newest.
  await auditedEverywhere(world, last.id);
  await freshEverywhere(world);
  killedNs = process.hrtime.bigint();
  expect(killedNs).toBeLessThan((expiries.get("fading") ?? 0n) - 2_000_000_000n);
  await Promise.all([...KILLED, `gateway-${RESTARTED}` as const].map((name) => kill(world, name)));
  atKill = copyGateway(world, RESTARTED);
  await world.stack.child(`gateway-${RESTARTED}`).start();
  for (const { url } of world.gateways) {
    expect(await answerTo(url, living.patient.secret)).toBe("200");
    expect(await readiness(url)).toEqual([200, { status: "ready" }]);
    await expectDeadAreDead(url);
  }
});

/** It says that it was damaged, admits nothing, and is not ready; `knows`: it refuses what it knows to be dead. */
async function expectDamaged(cold: ColdReplica, knows: boolean): Promise<void> {
  expect(cold.complaints.join()).toContain("the persisted state was not whole");
  expect(await readiness(cold.url)).toEqual([503, { status: "not ready", reason: "state_damaged" }]);
  expect(await (await fetch(`${cold.url}/metrics`)).text()).toContain("claviger_state_damaged 1");
  for (const { secret } of Object.values(living)) {
    expect(["503 authorization_stale", "503 no_configuration"]).toContain(await answerTo(cold.url, secret));
  }
  if (knows) await expectDeadAreDead(cold.url);
  else for (const secret of dead.keys()) expect(await answerTo(cold.url, secret)).toMatch(/^(401|503) /);
}

describe("meanwhile, with nobody to ask, a copy of the killed gateway's files", () => {
  test("control: as they are, or as two generations, they serve", async () => {
    for (const alter of [
      () => undefined,
      (copied: Copied) => addGeneration(world, RESTARTED, copied, replica),
    ]) {
      await inCopy(world, RESTARTED, "unharmed", atKill, alter, async (cold) => {
        expect(await answerTo(cold.url, living.patient.secret)).toBe("200");
        await expectDeadAreDead(cold.url);
        expect(cold.complaints).toEqual([]);
      });
    }
  });

  test("with one byte flipped anywhere in the state: it says so, admits nothing by it, and still refuses the dead (I8)", async () => {
    const random = seededRandom(20_260_214);
    const two = atKill.again();
    await addGeneration(world, RESTARTED, two, replica);
    const files = [...filesOf(two).state].filter(([name]) => !name.startsWith("state-1"));
    expect(files.map(([name]) => name).sort()).toEqual([
      "state-2.log",
      "state-2.snapshot",
      "state.mark",
      "state.pointer",
    ]);
    for (const [name, size] of files) {
      const places = [0, -1, ...Array.from({ length: FLIPS_PER_FILE - 2 }, () => random.int(0, size - 1))];
      for (const at of places) {
        // The generation before holds the same, so nothing that is dead is forgotten.
        await inCopy(
          world,
          RESTARTED,
          `${name}, byte ${at} of ${size}`,
          two,
          (copied) => flip(join(copied.folder, name), at),
          (cold) => expectDamaged(cold, true),
        );
      }
    }
    two.remove();
  });

  test("with one byte flipped in any other file: it does not start and says why, or nothing is admitted that is dead", async () => {
    for (const [name, size] of filesOf(atKill).others) {
      for (const at of [0, Math.floor(size / 2)]) {
        const copied = atKill.again();
        flip(join(copied.folder, name), at);
        const cold = await startCold(world, RESTARTED, copied).catch((error: Error) => error);
        if (name === "identity.sealed")
          expect(cold).toMatchObject({ message: expect.stringContaining("cannot be opened") });
        if (cold instanceof Error) expect(cold.message).not.toBe("");
        else {
          await expectDeadAreDead(cold.url);
          await cold.stop();
        }
        copied.remove();
      }
    }
  });

  test("with older files in place of the newest, whichever they are, does not admit what was revoked since", async () => {
    const older = olderFiles(world, RESTARTED, replica, before);
    for (const [which, alter] of Object.entries(older)) {
      await inCopy(world, RESTARTED, which, atKill, alter, async (cold) => {
        expect(await answerTo(cold.url, last.secret)).toMatch(/^(401 key_revoked|503 .*)$/);
        await expectDamaged(cold, false);
      });
    }
  });
});

test("each key is served for its own maxStalenessSeconds, then answered 503 with retry-after, while the dead are 401 and nobody else is", async () => {
  await until(
    async () => (await answerTo(urlOf("eu-1"), living.hasty.secret)) !== "200",
    "that the running gateway refuses",
  );
  await until(
    async () => (await answerTo(urlOf(RESTARTED), living.middle.secret)) !== "200",
    "that the restarted gateway refuses",
  );
  for (const { url } of world.gateways) {
    expect(await answerTo(url, living.hasty.secret)).toBe("503 authorization_stale");
    expect(await answerTo(url, nobodys)).toBe("503 authorization_stale");
    expect(await answerTo(url, living.patient.secret)).toBe("200");
    await expectDeadAreDead(url);
  }
  const refused = await fetch(`${urlOf("eu-1")}/v1/models`, {
    headers: { authorization: `Bearer ${living.hasty.secret}` },
  });
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("when all is back everything serves again by itself, and no key was ever refused with 401 before it expired, nor served after (I23)", async () => {
  for (const name of KILLED.toReversed()) await world.stack.child(name).start();
  const serves = async ({ url }: { url: string }) => {
    const answers = await Promise.all(Object.values(living).map(({ secret }) => answerTo(url, secret)));
    return answers.every((answer) => answer === "200");
  };
  await until(async () => (await Promise.all(world.gateways.map(serves))).every(Boolean), "all served again");
  for (const { url } of world.gateways) {
    await expectDeadAreDead(url);
    expect(await answerTo(url, nobodys)).toBe("401 invalid_api_key");
  }
  await expectClocks(world);
  const fadedNs = expiries.get("fading") ?? 0n;
  await until(() => process.hrtime.bigint() > fadedNs + 4_000_000_000n, "a while after the last expiry");
  const shots = await load.cease();
  expectTimeline(
    shots.filter(({ tag }) => !expiries.has(tag)),
    killedNs,
    HASTY_S,
    RESTARTED,
  );
  const names = world.gateways.map(({ name }) => name);
  for (const [expiring, expiresNs] of expiries) {
    expectExpiry(
      shots.filter(({ tag }) => tag === expiring),
      expiresNs,
      names,
    );
  }
});

test("with the control plane there, a gateway whose state was damaged serves as soon as it has been heard, and writes it anew", async () => {
  const folder = join(world.stack.home, "gateways", RESTARTED, "0");
  await kill(world, `gateway-${RESTARTED}`);
  flip(join(folder, "state-1.snapshot"), -1);
  await world.stack.child(`gateway-${RESTARTED}`).start();
  expect(await answerTo(urlOf(RESTARTED), living.patient.secret)).toBe("200");
  await expectDeadAreDead(urlOf(RESTARTED));
  expect(world.stack.child(`gateway-${RESTARTED}`).logTail(50)).toContain(
    "the persisted state was not whole",
  );
  const { json } = await world.admin.call("GET", "/gateways");
  const shown = (json as { data: { attributes: Record<string, unknown> }[] }).data;
  expect(shown.find(({ attributes }) => attributes.name === RESTARTED)?.attributes.alarms).toMatchObject([
    { code: "state_damaged", replica },
  ]);
  await until(
    () => readdirSync(folder).some((name) => /^state-[2-9]\.snapshot$/.test(name)),
    "a replacement",
  );
});
