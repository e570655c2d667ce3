/** The proof that a key works everywhere at the moment its secret is shown: made, and used at once on every gateway. */
import { namesIn } from "../support/admin.ts";
import { useKey, type World } from "../support/world.ts";

export interface CreationTrial {
  readonly createdMs: number;
}

/** Makes one key and uses it on all gateways at once; throws when the answer names one unconfirmed or one refuses. */
export async function tryCreation(world: World): Promise<CreationTrial> {
  const calledMs = performance.now();
  const key = await world.admin.createKey(world.projectId);
  const createdMs = performance.now() - calledMs;
  const uses = world.gateways.map(async ({ name, url }) => ({ name, ...(await useKey(url, key)) }));
  for (const { name, status, text } of await Promise.all(uses)) {
    if (status !== 200)
      throw new Error(`key ${key.id} on ${name}, at once after its creation: ${status} ${text}`);
  }
  const names = world.gateways.map((gateway) => gateway.name);
  if (namesIn(key.operation, "confirmed").join() !== names.join()) {
    throw new Error(
      `the creation was not confirmed by ${names.join(" and ")}: ${JSON.stringify(key.operation)}`,
    );
  }
  return { createdMs };
}
