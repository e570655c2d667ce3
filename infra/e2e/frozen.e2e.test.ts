import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Change, type MadeKey, namesIn, readOperation } from "./support/admin.ts";
import { type Load, startLoad } from "./support/load.ts";
import { untilOperation } from "./support/watch-operation.ts";
import { aimEverywhere, startWorld, useKey, type World } from "./support/world.ts";

const STALENESS_S = 30;
const STALENESS_DEFAULT_S = 900;
const WAIT_S = 2;
/** PROTOCOL §2.5: staleness / (1 − ρ) + 2 ε, with ρ = 1 % and ε = 2 s. */
const REFUSES_AFTER_MS_MAX = (STALENESS_S / 0.99) * 1_000 + 2 * 2_000;
const FROZEN = "us-1";
/** Few enough that a frozen gateway's unanswered requests keep their connections for 35 s. */
const PER_SECOND = 3;

let world: World;
let load: Load;
let key: MadeKey;

beforeAll(async () => {
  world = await startWorld();
  load = startLoad();
});
afterAll(async () => {
  await load?.end();
  await world?.stack.stop();
});
beforeEach(async () => {
  key = await world.admin.createKey(world.projectId, { maxStalenessSeconds: STALENESS_S });
});

const frozen = () => world.stack.child(`gateway-${FROZEN}`);
const until = (instantMs: number) => new Promise((resolve) => setTimeout(resolve, instantMs - Date.now()));

interface Frozen {
  readonly change: Change;
  readonly frozenNs: bigint;
  readonly answeredNs: bigint;
  readonly refusesByMs: number;
}

/** Fires at both gateways, freezes one, revokes, and checks the answer. */
async function revokeWhileFrozen(): Promise<Frozen> {
  load.aim(
    aimEverywhere(world, { tag: "target", secret: key.secret, model: "sandbox/echo", perSecond: PER_SECOND }),
  );
  await load.until(["target"], 5, { status: 200 });
  frozen().kill("SIGSTOP");
  const frozenNs = process.hrtime.bigint();
  const calledMs = Date.now();
  const change = await world.admin.change(
    "POST",
    `/api-keys/${key.id}/revoke`,
    {},
    { prefer: `wait=${WAIT_S}` },
  );
  const answeredNs = process.hrtime.bigint();
  const answeredMs = Date.now();
  expect(change.status).toBe(202);
  expect(change.operation.status).toBe("pending");
  expect(namesIn(change.operation, "confirmed")).toEqual(["eu-1"]);
  const missing = change.operation.gateways.find((gateway) => gateway.name === FROZEN);
  expect(["waiting", "unreachable"]).toContain(missing?.state);
  const refusesByMs = Date.parse(missing?.refusesBy ?? "");
  expect(refusesByMs).toBeGreaterThan(calledMs + (STALENESS_S - 15) * 1_000);
  // From a proof, or the commit, that was there when the answer came; which did not wait for that instant.
  expect(refusesByMs).toBeLessThanOrEqual(Math.ceil(answeredMs + REFUSES_AFTER_MS_MAX));
  expect(answeredMs).toBeLessThan(refusesByMs);
  expect(Date.parse(change.operation.safeBy ?? "")).toBe(refusesByMs);
  expect(Date.parse(missing?.drainedBy ?? "")).toBeGreaterThan(refusesByMs);
  return { change, frozenNs, answeredNs, refusesByMs };
}

/** The instant follows from each key's own `maxStalenessSeconds`: a key with the default has much longer. */
async function expectLaterRefusal(patient: MadeKey): Promise<void> {
  const calledMs = Date.now();
  const { operation } = await world.admin.change(
    "POST",
    `/api-keys/${patient.id}/revoke`,
    {},
    { prefer: "wait=0" },
  );
  const refusesBy = operation.gateways.find((gateway) => gateway.name === FROZEN)?.refusesBy ?? "";
  const latestMs = Math.ceil(Date.now() + (STALENESS_DEFAULT_S / 0.99) * 1_000 + 2 * 2_000);
  expect(Date.parse(refusesBy)).toBeGreaterThan(calledMs + (STALENESS_DEFAULT_S - 15) * 1_000);
  expect(Date.parse(refusesBy)).toBeLessThanOrEqual(latestMs);
}

/** What the provider billed of requests that it saw begin at `sinceMs` or later. */
async function forwardedSince(sinceMs: number): Promise<unknown> {
  return (await fetch(`${world.sandboxUrl}/__ledger?since=${sinceMs}`)).json();
}

describe("a gateway that is frozen while a key is revoked", () => {
  test("is named with the instant by which it refuses; thawed before that, it confirms, and then admits nothing", async () => {
    const patient = await world.admin.createKey(world.projectId);
    const { change, answeredNs } = await revokeWhileFrozen();
    await expectLaterRefusal(patient);
    const confirmed = untilOperation(
      world.admin,
      world.credentials.adminToken,
      change.operation.id,
      "confirmed",
      30_000,
    );
    frozen().kill("SIGCONT");
    const operation = await confirmed;
    const confirmedNs = process.hrtime.bigint();
    expect(namesIn(operation, "confirmed")).toEqual(["eu-1", FROZEN]);
    await load.until(["target"], 5, { afterNs: confirmedNs });
    const shots = await load.cease();
    expect(shots.filter((shot) => shot.startedNs > confirmedNs && shot.status === 200)).toEqual([]);
    const elsewhere = shots.filter((shot) => shot.gateway === "eu-1" && shot.startedNs > answeredNs);
    expect(elsewhere.filter((shot) => shot.code !== "key_revoked")).toEqual([]);
  });

  test("admits nothing after that instant, not even what waited in its socket, and confirms when it is back (I2)", async () => {
    const control = await world.admin.createKey(world.projectId);
    const { change, frozenNs, refusesByMs } = await revokeWhileFrozen();
    await until(refusesByMs + 100);
    const safe = await readOperation(world.admin, change.operation.id);
    expect(safe.status).toBe("safe");
    expect(namesIn(safe, "expired")).toEqual([FROZEN]);
    frozen().kill("SIGCONT");
    await untilOperation(world.admin, world.credentials.adminToken, safe.id, "confirmed", 30_000);
    await load.until(["target"], 5, { afterNs: frozenNs });
    const shots = (await load.cease()).filter((shot) => shot.gateway === FROZEN && shot.startedNs > frozenNs);
    expect(shots.length).toBeGreaterThan(10);
    expect(shots.filter((shot) => shot.status === 200)).toEqual([]);
    expect(shots.filter((shot) => !["key_revoked", "authorization_stale"].includes(shot.code ?? ""))).toEqual(
      [],
    );
    expect(await forwardedSince(refusesByMs)).toEqual([]);
    for (const { url } of world.gateways) expect((await useKey(url, control)).status).toBe(200);
  }, 110_000);
});
