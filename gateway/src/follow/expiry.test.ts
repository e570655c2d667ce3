import { admitKey } from "@claviger/shared/decide/admit";
import { buildPolicy, buildProject } from "@claviger/shared/testing/records";
import type { Change } from "@claviger/shared/wire/record";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeControlPlane, hashOf, keyRecord, putKey } from "./testing/fake-control-plane.ts";
import { type Rig, rig } from "./testing/rig.ts";

const LIFE_MS = 60_000;
const HOUR_MS = 3_600_000;

const running: Rig[] = [];

beforeEach(() => {
  // Time stands still unless a test moves it; timers go on.
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(running.splice(0).map(({ follower }) => follower.stop()));
});

function pass(ms: number): void {
  vi.advanceTimersByTime(ms);
}

/** A running gateway whose wall clock is ahead by so much, with a key that has a minute to live by the control plane's clock. */
async function holding(aheadMs: number, from: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const cp = from.cp ?? (await FakeControlPlane.create());
  const { projectId } = keyRecord(1);
  const project = buildProject({ id: projectId });
  const policy = buildPolicy();
  const changes: Change[] = [
    { op: "put", kind: "project", id: project.id, record: project },
    { op: "put", kind: "policy", id: policy.id, record: policy },
    putKey(1, { expiresAtMs: cp.nowMs() + LIFE_MS }),
  ];
  await cp.commit(changes);
  const made = await rig({ ...from, cp, shift: { wallMs: aheadMs, monoMs: 0 } });
  running.push(made);
  made.follower.start();
  await made.until(() => made.follower.ready() && cp.row.revEffective === cp.head.rev, "the head, proved");
  return made;
}

function decide({ follower }: Rig): string {
  const caller = { hash: hashOf(1), gatewayId: "gw_000000000001", ip: undefined };
  const decision = admitKey(follower.view, follower.freshness(), caller);
  return decision.kind === "refused" ? decision.refusal.code : decision.kind;
}

async function beat({ courier, follower, until }: Rig): Promise<void> {
  const { answered } = follower.status().heartbeats;
  courier.poke();
  await until(() => follower.status().heartbeats.answered > answered, "a heartbeat");
}

describe.each([-HOUR_MS, -29_000, 0, 29_000, HOUR_MS])("with a clock that is ahead by %d ms", (aheadMs) => {
  test("a key is admitted until the last millisecond by the control plane's clock, and refused from the next, by name with the next proof", async () => {
    const made = await holding(aheadMs);
    pass(LIFE_MS - 1);
    await beat(made);
    expect(decide(made)).toBe("admitted");
    pass(1);
    expect(decide(made)).toBe("key_expired");
    await beat(made);
    expect(decide(made)).toBe("key_expired");
    expect(made.cp.heartbeats.at(-1)).toMatchObject({ clockOffsetMs: aheadMs, clockErrorMs: 0 });
  });

  test("so it is when the control plane is gone", async () => {
    const made = await holding(aheadMs);
    made.courier.up = false;
    pass(LIFE_MS - 1);
    expect(decide(made)).toBe("admitted");
    pass(1);
    expect(decide(made)).toBe("key_expired");
    pass(HOUR_MS);
    expect(decide(made)).toBe("key_expired");
  });
});

test("a slow way shifts the instant by half of its round trip at most, and the error is told", async () => {
  const cp = await FakeControlPlane.create();
  const made = await holding(5_000, { cp });
  made.courier.onAnswer = (jws) => {
    // All of the delay is on the way back: the worst there is.
    pass(400);
    return jws;
  };
  await beat(made);
  const { clockErrorMs, clockOffsetMs } = made.follower.status();
  expect([clockErrorMs, clockOffsetMs]).toEqual([200, -5_200]);
  made.courier.onAnswer = (jws) => jws;
  made.courier.up = false;
  pass(LIFE_MS - 400 - 1);
  expect(decide(made)).toBe("admitted");
  pass(200);
  expect(decide(made)).toBe("admitted");
  pass(1);
  expect(decide(made)).toBe("key_expired");
});

test("a wall clock that is set back while nobody can be asked gives no key a longer life than drift explains", async () => {
  const made = await holding(0);
  made.courier.up = false;
  pass(LIFE_MS - 1);
  expect(decide(made)).toBe("admitted");
  made.shift.wallMs = -HOUR_MS;
  expect(decide(made)).toBe("admitted");
  pass(LIFE_MS * 0.011);
  expect(decide(made)).toBe("key_expired");
});

test("a wall clock that is set forward while nobody can be asked refuses early but calls nothing expired, and is right again with the next proof", async () => {
  const made = await holding(0);
  made.courier.up = false;
  made.shift.wallMs = 20_000;
  pass(LIFE_MS - 10_000);
  expect(decide(made)).toBe("authorization_stale");
  made.courier.up = true;
  await beat(made);
  expect(decide(made)).toBe("admitted");
});

test("after a restart without the control plane the wall clock says what has expired", async () => {
  const made = await holding(0);
  await made.follower.stop();
  const next = await rig({ cp: made.cp, store: made.store, shift: made.shift });
  running.push(next);
  next.courier.up = false;
  next.follower.start();
  expect(decide(next)).toBe("admitted");
  pass(LIFE_MS);
  expect(decide(next)).toBe("key_expired");
});

test("the control plane's time is not known after a restart alone, and is never put ahead by a wall clock", async () => {
  const made = await holding(0);
  made.courier.up = false;
  const provedMs = made.cp.nowMs();
  pass(LIFE_MS);
  made.shift.wallMs = 365 * 24 * HOUR_MS;
  const nowMs = made.follower.provedNowMs();
  expect(nowMs).toBeGreaterThan(provedMs);
  expect(nowMs).toBeLessThanOrEqual(provedMs + LIFE_MS);
  await made.follower.stop();
  const next = await rig({ cp: made.cp, store: made.store, shift: made.shift });
  running.push(next);
  expect(next.follower.provedNowMs()).toBeUndefined();
  next.follower.start();
  await next.until(() => next.follower.provedNowMs() !== undefined, "a proof");
  expect(next.follower.provedNowMs()).toBeLessThanOrEqual(next.cp.nowMs());
});

test("a machine that stood still calls nothing expired until it is proved, though its wall clock does", async () => {
  const made = await holding(0);
  made.courier.up = false;
  pass(LIFE_MS);
  made.shift.monoMs -= LIFE_MS;
  expect(decide(made)).toBe("authorization_stale");
  made.courier.up = true;
  await beat(made);
  expect(decide(made)).toBe("key_expired");
});

test("a machine that stood still has an older proof when it goes on, though its monotonic clock has counted nothing", async () => {
  const made = await holding(0);
  const staleMs = keyRecord(1).maxStalenessSeconds * 1_000;
  made.courier.up = false;
  // Fake time moves both clocks; a paused machine's monotonic one stays where it was.
  pass(staleMs + 1);
  made.shift.monoMs -= staleMs + 1;
  expect(made.follower.freshness().ageMs).toBeGreaterThan(staleMs);
  expect(made.follower.ready()).toBe(false);
});
