/** What is the same in every test of a control plane, a database and a bus that are all gone. */
import { expect } from "vitest";
import type { ChildName } from "../../local/types.ts";
import type { Shot } from "../support/shots.ts";
import { useKey, type World } from "../support/world.ts";

/** Asks until it is true; throws after a minute. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!(await isTrue())) {
    if (performance.now() > deadlineMs) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** `200`, or status and code. */
export async function answerTo(url: string, secret: string): Promise<string> {
  const { status, text } = await useKey(url, { secret });
  if (status === 200) return "200";
  return `${status} ${(JSON.parse(text) as { error: { code: string } }).error.code}`;
}

/** Status and body of `/readyz`. */
export async function readiness(url: string): Promise<unknown> {
  const answer = await fetch(`${url}/readyz`);
  return [answer.status, await answer.json()];
}

/** A key for each way of being dead: its secret, and what is answered to it. */
export async function makeDead({ admin, projectId }: World): Promise<Map<string, string>> {
  const dead = new Map<string, string>();
  const make = async (code: string, attributes = {}, method = "", path = "") => {
    const key = await admin.createKey(projectId, attributes);
    if (method !== "") await admin.change(method, `/api-keys/${key.id}${path}`);
    dead.set(key.secret, `401 ${code}`);
  };
  const expiresAtMs = Date.now() + 1_500;
  await make("key_expired", { expiresAt: new Date(expiresAtMs).toISOString() });
  await make("key_revoked", {}, "POST", "/revoke");
  await make("key_revoked", {}, "DELETE");
  await make("key_inactive", {}, "POST", "/deactivate");
  await make("key_rotated", {}, "POST", "/rotate");
  await until(() => Date.now() > expiresAtMs + 100, "the expiry");
  return dead;
}

/** Each gateway's last proof is at most two seconds old. */
export async function freshEverywhere(world: World): Promise<void> {
  const fresh = async (url: string) => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return Number(/^claviger_freshness_age_seconds (.+)$/m.exec(metrics)?.[1]) < 2;
  };
  await until(
    async () => (await Promise.all(world.gateways.map(({ url }) => fresh(url)))).every(Boolean),
    "fresh proofs",
  );
}

/** The revocation of a key stands in the audit of every gateway. */
export async function auditedEverywhere({ admin, gateways }: World, keyId: string): Promise<void> {
  const count = async () => {
    const { json } = await admin.call("GET", "/audit?page[size]=200");
    const entries = (json as { data: { attributes: { action?: string } }[] }).data;
    return entries.filter(
      ({ attributes }) =>
        attributes.action?.endsWith(".revoke") && JSON.stringify(attributes).includes(keyId),
    ).length;
  };
  await until(async () => (await count()) === gateways.length, "the revocation in every audit");
}

/** Each gateway's clock as the control plane shows it: on one machine it is right, within its error. */
export async function expectClocks({ admin, gateways }: World): Promise<void> {
  const { json } = await admin.call("GET", "/gateways");
  const shown = (json as { data: { attributes: Record<string, unknown> }[] }).data.map(
    ({ attributes }) => attributes,
  );
  expect(shown.map(({ name }) => name)).toEqual(gateways.map(({ name }) => name));
  for (const { clockOffsetMs, clockErrorMs, replicas } of shown) {
    expect(Math.abs(Number(clockOffsetMs))).toBeLessThanOrEqual(Number(clockErrorMs) + 2);
    expect(replicas).toMatchObject([{ clockOffsetMs, clockErrorMs }]);
  }
}

/** Kills a child and resolves when it is gone. */
export async function kill(world: World, name: ChildName): Promise<void> {
  const child = world.stack.child(name);
  const gone = child.nextExit();
  child.kill("SIGKILL");
  await gone;
}

/**
 * All of the load of an outage that began at `killedNs`: `hasty` on the gateway that ran and `middle` on the one that was
 * killed too were served for `stalenessS` seconds, `patient` always, and nobody was refused with 401.
 */
export function expectTimeline(
  shots: readonly Shot[],
  killedNs: bigint,
  stalenessS: number,
  restarted: string,
): void {
  const since = (shot: Shot) => Number(shot.startedNs - killedNs) / 1e9;
  const of = (tag: string, gateway: string) =>
    shots.filter((shot) => shot.tag === tag && shot.gateway === gateway);
  const servedUntil = (those: readonly Shot[]) => {
    const stale = those.find(({ startedNs, status }) => startedNs > killedNs && status === 503);
    const served = those.filter(
      ({ startedNs, status }) => status === 200 && startedNs < (stale?.startedNs ?? 0n),
    );
    return {
      served: Math.max(...served.map(since)),
      refused: Number((stale?.finishedNs ?? 0n) - killedNs) / 1e9,
    };
  };
  expect(new Set(of("patient", "eu-1").map(({ status }) => status))).toEqual(new Set([200]));
  // Between its death and its next start there is nobody to answer.
  expect(of("patient", restarted).filter(({ status }) => status !== 200 && status !== 0)).toEqual([]);
  for (const those of [of("hasty", "eu-1"), of("middle", restarted)]) {
    const { served, refused } = servedUntil(those);
    // Its last proof was younger than two seconds, and was asked for before the end.
    expect(refused).toBeGreaterThan(stalenessS - 4);
    expect(served).toBeLessThan(stalenessS + 1);
  }
  const refused = shots.filter(({ status }) => status !== 200 && status !== 0);
  expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(["authorization_stale"]));
}

/** An instant of this machine's wall clock on the clock of shots. */
export function instantNs(wallMs: number): bigint {
  return process.hrtime.bigint() + BigInt(Math.round((wallMs - Date.now()) * 1e6));
}

/** What a gateway may take the control plane's clock for wrong by: half of a heartbeat's round trip, on a busy machine. */
const CLOCK_ERROR_NS = 2_000_000_000n;

/** On both gateways: answered before the expiry means served, begun after it means 401 `key_expired`; each occurs. */
export function expectExpiry(shots: readonly Shot[], expiresNs: bigint, gateways: readonly string[]): void {
  for (const gateway of gateways) {
    const here = shots.filter((shot) => shot.gateway === gateway && shot.status !== 0);
    const before = here.filter(({ finishedNs }) => finishedNs < expiresNs - CLOCK_ERROR_NS);
    const after = here.filter(({ startedNs }) => startedNs > expiresNs + CLOCK_ERROR_NS);
    expect(new Set(before.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(after.map(({ status, code }) => `${status} ${code}`))).toEqual(
      new Set(["401 key_expired"]),
    );
  }
}
