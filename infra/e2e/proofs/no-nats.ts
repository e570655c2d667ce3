/**
 * The proof that the bus carries and nothing else: with nats-server down, keys work on every gateway the moment they
 * are shown, and are dead on every gateway the moment their revocation is answered, as if it were up.
 */
import { readFileSync } from "node:fs";
import { namesIn } from "../support/admin.ts";
import { useKey, type World } from "../support/world.ts";

export interface NoNatsTimes {
  /** Of the first call, which makes a key that nobody touches. */
  readonly controlMs: number;
  readonly createdMs: number[];
  readonly confirmedMs: number[];
}

/**
 * Makes, uses, revokes and uses again, one key after the other, for so long, with a rest between them; throws at the
 * first breach.
 */
export async function changeFor(world: World, ms: number, restMs = 0): Promise<NoNatsTimes> {
  const beganMs = performance.now();
  const control = await world.admin.createKey(world.projectId);
  const controlMs = performance.now() - beganMs;
  const times: NoNatsTimes = { controlMs, createdMs: [], confirmedMs: [] };
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs) {
    const calledMs = performance.now();
    const key = await world.admin.createKey(world.projectId);
    times.createdMs.push(performance.now() - calledMs);
    await expectEverywhere(world, key.secret, 200, "at once after its creation");
    const revokedMs = performance.now();
    const change = await world.admin.change("POST", `/api-keys/${key.id}/revoke`, {}, { prefer: "wait=10" });
    times.confirmedMs.push(performance.now() - revokedMs);
    const names = world.gateways.map(({ name }) => name).join();
    for (const { operation } of [key, change]) {
      if (operation.status !== "confirmed" || namesIn(operation, "confirmed").join() !== names) {
        throw new Error(`not confirmed by ${names}: ${JSON.stringify(operation)}`);
      }
    }
    await expectEverywhere(world, key.secret, 401, "after its revocation was confirmed");
    await expectEverywhere(world, control.secret, 200, "which nobody touched");
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
  return times;
}

async function expectEverywhere(world: World, secret: string, status: number, when: string): Promise<void> {
  const uses = world.gateways.map(async ({ name, url }) => ({ name, ...(await useKey(url, { secret })) }));
  for (const use of await Promise.all(uses)) {
    if (use.status !== status) throw new Error(`a key, ${when}, on ${use.name}: ${use.status} ${use.text}`);
  }
}

/** Which courier each gateway says that it uses, by its log: the last sentence counts, and a start begins with HTTPS. */
export function couriersOf(world: World): ("bus" | "https")[] {
  return world.gateways.map(({ name }) => {
    const text = readFileSync(world.stack.child(`gateway-${name}`).logFile, "utf8");
    const back = text.lastIndexOf('"the bus answers"');
    const left = Math.max(text.lastIndexOf("going on over HTTPS"), text.lastIndexOf('"state loaded"'));
    return back > left ? "bus" : "https";
  });
}

/** Resolves when all gateways use this one; throws after `msMax`. */
export async function untilCouriers(world: World, which: "bus" | "https", msMax: number): Promise<number> {
  const sinceMs = performance.now();
  while (couriersOf(world).some((courier) => courier !== which)) {
    if (performance.now() - sinceMs > msMax) {
      throw new Error(`after ${msMax} ms the gateways use ${couriersOf(world).join(", ")}, not ${which}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return performance.now() - sinceMs;
}
