/**
 * The proof that `confirmed` means what it says: both gateways are under open-loop load with a key when that key is
 * taken away; from the moment the answer is in our hands, no request that begins later may be admitted.
 *
 * A trial proves nothing unless it would have noticed, so each one demands that the key was admitted on every gateway
 * right before, that requests with it went on beginning on every gateway after, and that a second, untouched key was
 * admitted on every gateway all along.
 */
import { type Admin, type Change, type MadeKey, namesIn } from "../support/admin.ts";
import type { Load } from "../support/load.ts";
import type { Shot } from "../support/shots.ts";
import { aimEverywhere, useKey, type World } from "../support/world.ts";

export type RestrictionName = "revoke" | "delete" | "deactivate" | "rotate" | "narrow";

interface Restriction {
  /** How the loss of admission is answered. */
  readonly status: number;
  readonly code: string;
  take(admin: Admin, key: MadeKey): Promise<Change>;
}

const WAIT = { prefer: "wait=10" };

export const RESTRICTIONS: Readonly<Record<RestrictionName, Restriction>> = {
  revoke: {
    status: 401,
    code: "key_revoked",
    take: (admin, key) => admin.change("POST", `/api-keys/${key.id}/revoke`, { reason: "test" }, WAIT),
  },
  delete: {
    status: 401,
    code: "key_revoked",
    take: (admin, key) => admin.change("DELETE", `/api-keys/${key.id}`, undefined, WAIT),
  },
  deactivate: {
    status: 401,
    code: "key_inactive",
    take: (admin, key) => admin.change("POST", `/api-keys/${key.id}/deactivate`, undefined, WAIT),
  },
  rotate: {
    status: 401,
    code: "key_rotated",
    take: (admin, key) => admin.change("POST", `/api-keys/${key.id}/rotate`, undefined, WAIT),
  },
  narrow: {
    status: 403,
    code: "model_not_allowed",
    take: (admin, key) => {
      const attributes = { allowedModels: ["sandbox/story"] };
      return admin.change("PATCH", `/api-keys/${key.id}`, { data: { type: "api-key", attributes } }, WAIT);
    },
  },
};

export interface Trial {
  readonly confirmedMs: number;
  /** Requests with the key that began after the answer; all of them refused. */
  readonly refusedAfter: number;
}

const PER_SECOND = 200;
const CONTROL_PER_SECOND = 20;
const ADMITTED_BEFORE = 10;
const BEGUN_AFTER = 20;
const CONTROL_AFTER = 2;

function admittedAfter(shots: readonly Shot[], tag: string, afterNs: bigint): Shot[] {
  return shots.filter((shot) => shot.tag === tag && shot.startedNs > afterNs && shot.status === 200);
}

function describe(shots: readonly Shot[], afterNs: bigint): string {
  const lines = shots.slice(0, 5).map((shot) => {
    const lateMs = Number(shot.startedNs - afterNs) / 1e6;
    return `  ${shot.gateway} ${lateMs.toFixed(2)} ms after: ${shot.status} ${shot.code ?? ""}`;
  });
  return lines.join("\n");
}

/** Everything that must hold of what the load saw; throws a sentence otherwise. Returns how many were refused. */
export function judge(
  shots: readonly Shot[],
  answeredNs: bigint,
  restriction: Restriction,
  world: World,
): number {
  const late = shots.filter((shot) => shot.tag === "target" && shot.startedNs > answeredNs);
  const admitted = admittedAfter(shots, "target", answeredNs);
  if (admitted.length > 0)
    throw new Error(`admitted after \`confirmed\`:\n${describe(admitted, answeredNs)}`);
  const odd = late.filter((shot) => shot.status !== restriction.status || shot.code !== restriction.code);
  if (odd.length > 0) throw new Error(`refused in other words:\n${describe(odd, answeredNs)}`);
  const sick = shots.filter((shot) => shot.tag === "control" && shot.status !== 200);
  if (sick.length > 0) throw new Error(`the untouched key was refused:\n${describe(sick, answeredNs)}`);
  for (const { name } of world.gateways) {
    const here = late.filter((shot) => shot.gateway === name).length;
    if (here < BEGUN_AFTER) throw new Error(`only ${here} requests began on ${name} after the answer`);
  }
  return late.length;
}

function checkAnswer(change: Change, world: World): void {
  const { operation, status } = change;
  const names = world.gateways.map((gateway) => gateway.name);
  const confirmed = namesIn(operation, "confirmed");
  if (status !== 200 || operation.status !== "confirmed" || confirmed.join() !== names.join()) {
    throw new Error(`not confirmed by ${names.join(" and ")}: ${status} ${JSON.stringify(operation)}`);
  }
  if (operation.gateways.some((gateway) => gateway.confirmedAt == null)) {
    throw new Error(`a confirmation without its instant: ${JSON.stringify(operation)}`);
  }
}

/** After a rotation the new secret, after narrowing the other model, must work at once on every gateway. */
async function checkRest(name: RestrictionName, change: Change, key: MadeKey, world: World): Promise<void> {
  if (name !== "rotate" && name !== "narrow") return;
  const secret = name === "rotate" ? (change.secret ?? "") : key.secret;
  for (const gateway of world.gateways) {
    const { status, text } = await useKey(gateway.url, { secret }, "sandbox/story");
    if (status !== 200)
      throw new Error(`what ${name} leaves does not work on ${gateway.name}: ${status} ${text}`);
  }
}

/** One repetition with a key of its own; throws when the guarantee, or the proof, does not hold. */
export async function tryRestriction(
  world: World,
  load: Load,
  name: RestrictionName,
  control: MadeKey,
): Promise<Trial> {
  const restriction = RESTRICTIONS[name];
  const key = await world.admin.createKey(world.projectId);
  load.aim([
    ...aimEverywhere(world, {
      tag: "target",
      secret: key.secret,
      model: "sandbox/echo",
      perSecond: PER_SECOND,
    }),
    ...aimEverywhere(world, {
      tag: "control",
      secret: control.secret,
      model: "sandbox/echo",
      perSecond: CONTROL_PER_SECOND,
    }),
  ]);
  await load.until(["target"], ADMITTED_BEFORE, { status: 200 });
  const calledNs = process.hrtime.bigint();
  const change = await restriction.take(world.admin, key);
  const answeredNs = process.hrtime.bigint();
  await load.until(["target"], BEGUN_AFTER, { afterNs: answeredNs });
  await load.until(["control"], CONTROL_AFTER, { afterNs: answeredNs, status: 200 });
  const shots = await load.cease();
  checkAnswer(change, world);
  const refusedAfter = judge(shots, answeredNs, restriction, world);
  await checkRest(name, change, key, world);
  return { confirmedMs: Number(answeredNs - calledNs) / 1e6, refusedAfter };
}
