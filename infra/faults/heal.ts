/** Waits until nothing is left over of the faults (I23). */
import { setTimeout as pause } from "node:timers/promises";
import type { Administrator } from "./administrator.ts";
import type { Place } from "./place.ts";

const HEAL_MS_MAX = 120_000;

/** Changes that are not confirmed two minutes after the last fault. */
export async function untilConfirmed({ settle, restrictions }: Administrator): Promise<string[]> {
  if (await settle(HEAL_MS_MAX)) return [];
  const open = restrictions
    .filter(({ doneMs }) => doneMs === null)
    .map(({ keyId, how, operationId }) => `${how} of ${keyId} (${operationId}) is not confirmed`);
  return open.length > 0 ? open : ["the administrator still waits for an answer"];
}

/** What is not as it should be two minutes after the last request; empty when everything healed. */
export async function untilHealed(place: Place): Promise<string[]> {
  const deadlineMs = performance.now() + HEAL_MS_MAX;
  for (let calm = 0; calm < 2; ) {
    const left = (await Promise.all([leftOf(place), behind(place)])).flat();
    calm = left.length === 0 ? calm + 1 : 0;
    if (performance.now() > deadlineMs) return left;
    await pause(500);
  }
  return [];
}

/** Gateways with usage that is not counted yet. */
async function leftOf({ gateways }: Place): Promise<string[]> {
  const left = gateways.map(async ({ name, url }) => {
    try {
      const metrics = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
      const events = Number(/^claviger_usage_outbox_events (.+)$/m.exec(metrics)?.[1]);
      return events === 0 ? [] : [`${name} has ${events} events in its outbox`];
    } catch (error) {
      return [`${name} does not answer: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
  return (await Promise.all(left)).flat();
}

/** Gateways that are not online at the organization's revision. */
async function behind({ admins }: Place): Promise<string[]> {
  try {
    const answers = await Promise.all(admins.map((admin) => admin.call("GET", "/gateways")));
    const bad = answers.find(({ status }) => status !== 200);
    if (bad !== undefined) return [`the list of gateways is answered ${bad.status}`];
    const json = answers[0]?.json;
    const { data } = json as {
      data: { attributes: { name: string; status: string; revision: string; revisionWanted: string } }[];
    };
    return data
      .map(({ attributes }) => attributes)
      .filter((one) => one.status !== "online" || one.revision !== one.revisionWanted)
      .map((one) => `${one.name} is ${one.status} at ${one.revision} of ${one.revisionWanted}`);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
