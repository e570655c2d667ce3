/**
 * An administrator who works on while everything breaks: makes keys, asks for them everywhere, takes them away, repeats
 * what was not answered, and writes down every word that was said.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Admin, type Operation, readOperation } from "../e2e/support/admin.ts";
import type { Load, Target } from "./load.ts";
import type { Place } from "./place.ts";

/** What was said of one key that was taken away. Times in milliseconds since the epoch. */
export interface Restriction {
  readonly keyId: string;
  readonly name: string;
  readonly how: string;
  operationId: string;
  /** By gateway: when its confirmation was first told, and the earliest `refusesBy` that was ever told of it. */
  readonly confirmedMs: Map<string, number>;
  readonly refusesByMs: Map<string, number>;
  /** When all of it was. */
  doneMs: number | null;
}

export interface Administrator {
  readonly restrictions: readonly Restriction[];
  /** Every name that a key was to have; each has to exist once. */
  readonly names: readonly string[];
  readonly secrets: readonly string[];
  /** Calls that were not answered, or by a 503, by what was said. */
  readonly failures: Readonly<Record<string, number>>;
  /** Ends the making and waits until every operation is confirmed; false when that takes longer than this. */
  settle(msMax: number): Promise<boolean>;
}

const WAYS = ["revoke", "deactivate", "delete"] as const;
/** Of a dead key, at each gateway: often enough to see a resurrection. */
const DEAD_PER_SECOND = 0.5;
const DEAD_MAX = 12;
/** Changes that are made side by side. */
const AT_ONCE = 3;
const CALL_MS_MAX = 8_000;

/** What he has been told, and how he asks. */
class Diary {
  readonly restrictions: Restriction[] = [];
  readonly names: string[] = [];
  readonly secrets: string[] = [];
  readonly failures: Record<string, number> = {};
  readonly #admins: readonly Admin[];
  #turn = 0;

  constructor(admins: readonly Admin[]) {
    this.#admins = admins;
  }

  /** The control planes by turns. */
  admin(): Admin {
    return this.#admins[this.#turn++ % this.#admins.length] as Admin;
  }

  /** Asks again and again, whoever is there. */
  async untilAnswered<T>(what: (admin: Admin) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await withTimeout(what(this.admin()));
      } catch (error) {
        const word = /answered (\d+)/.exec(String(error))?.[1] ?? "no answer";
        this.failures[word] = (this.failures[word] ?? 0) + 1;
        await pause(300);
      }
    }
  }

  get open(): readonly Restriction[] {
    return this.restrictions.filter(({ doneMs }) => doneMs === null);
  }
}

export function startAdministrator(place: Place, load: Load): Administrator {
  const diary = new Diary(place.admins);
  let going = true;
  const making = Array.from({ length: AT_ONCE }, async (_, line) => {
    for (let n = line; going; n += AT_ONCE) {
      await takeAway(diary, load, n, await make(diary, place.credentials.projectId, n));
      await pause(200);
    }
  });
  let made = false;
  const allMade = Promise.all(making).then(() => {
    made = true;
  });
  const following = (async () => {
    while (!made || diary.open.length > 0) {
      for (const one of diary.open.filter(({ operationId }) => operationId !== "")) {
        const read = readOperation(diary.admin(), one.operationId);
        const operation = await withTimeout(read).catch(() => undefined);
        if (operation !== undefined) hear(one, operation);
      }
      await pause(250);
    }
  })();
  const { restrictions, names, secrets, failures } = diary;
  return {
    ...{ restrictions, names, secrets, failures },
    async settle(msMax) {
      going = false;
      const late = pause(msMax, false, { ref: false });
      return await Promise.race([Promise.all([allMade, following]).then(() => true), late]);
    },
  };
}

interface Made {
  readonly keyId: string;
  readonly name: string;
  /** Its secret and a token of it; empty when the first answer was lost, for a replay shows no secret. */
  readonly targets: readonly Target[];
}

async function make(diary: Diary, projectId: string, n: number): Promise<Made> {
  const name = `fault ${n}`;
  diary.names.push(name);
  const attributes = { name, maxStalenessSeconds: n % 2 === 0 ? 60 : 900 };
  const body = { data: { type: "api-key", attributes } };
  const once = { "idempotency-key": `make-${n}`, prefer: "wait=2" };
  const made = await diary.untilAnswered(async (by) => {
    const answer = await by.call("POST", `/projects/${projectId}/api-keys`, body, once);
    if (answer.status !== 201) throw new Error(`answered ${answer.status}: ${answer.text.slice(0, 300)}`);
    return answer.json as { data: { id: string }; meta: { secretKey?: string } };
  });
  const keyId = made.data.id;
  const secret = made.meta.secretKey;
  if (secret === undefined) return { keyId, name, targets: [] };
  diary.secrets.push(secret);
  const token = await tokenOf(diary.admin(), keyId);
  const tokens = token === undefined ? [] : [{ keyId, secret: token, perSecond: 0.5 }];
  return { keyId, name, targets: [{ keyId, secret, perSecond: 2 }, ...tokens] };
}

/** It is used for a moment, then taken away, and asked for ever after. */
async function takeAway(diary: Diary, load: Load, n: number, { keyId, name, targets }: Made): Promise<void> {
  for (const target of targets) load.targets.add(target);
  await pause(600);
  const how = WAYS[n % WAYS.length] ?? "revoke";
  const told = { keyId, name, how, operationId: "", doneMs: null };
  const restriction: Restriction = { ...told, confirmedMs: new Map(), refusesByMs: new Map() };
  diary.restrictions.push(restriction);
  const first = await diary.untilAnswered((by) => restrict(by, keyId, how, n));
  restriction.operationId = first.id;
  hear(restriction, first);
  for (const target of targets) load.targets.delete(target);
  keepAsking(load, targets);
}

async function restrict(by: Admin, keyId: string, how: string, n: number): Promise<Operation> {
  const once = { "idempotency-key": `end-${n}`, prefer: "wait=2" };
  const [method, path] = how === "delete" ? ["DELETE", ""] : ["POST", `/${how}`];
  return (await by.change(method, `/api-keys/${keyId}${path}`, {}, once)).operation;
}

async function tokenOf(by: Admin, keyId: string): Promise<string | undefined> {
  const answer = await withTimeout(by.call("POST", `/api-keys/${keyId}/ephemeral-tokens`, {})).catch(
    () => undefined,
  );
  return (answer?.json as { meta?: { secretKey?: string } } | undefined)?.meta?.secretKey;
}

function hear(restriction: Restriction, operation: Operation): void {
  for (const { name, state, refusesBy } of operation.gateways) {
    if (state === "confirmed" && !restriction.confirmedMs.has(name))
      restriction.confirmedMs.set(name, Date.now());
    if (refusesBy == null) continue;
    const atMs = Date.parse(refusesBy);
    restriction.refusesByMs.set(name, Math.min(atMs, restriction.refusesByMs.get(name) ?? atMs));
  }
  if (operation.status === "confirmed") restriction.doneMs ??= Date.now();
}

/** The dead are asked for until the end, the oldest of too many no more. */
function keepAsking(load: Load, targets: readonly Target[]): void {
  for (const target of targets) load.targets.add({ ...target, perSecond: DEAD_PER_SECOND });
  const dead = [...load.targets].filter(({ perSecond }) => perSecond === DEAD_PER_SECOND);
  for (const target of dead.slice(0, -DEAD_MAX)) load.targets.delete(target);
}

async function withTimeout<T>(what: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = pause(CALL_MS_MAX, undefined, { signal: stop.signal }).then(() => {
    throw new Error("no answer");
  });
  try {
    return await Promise.race([what, late]);
  } finally {
    stop.abort();
    late.catch(() => undefined);
  }
}
