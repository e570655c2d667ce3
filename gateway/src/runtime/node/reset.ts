/**
 * Gives up what a replica's folder says it is (PROTOCOL §2.0, A5). A folder that came back from a backup counts its starts
 * and its usage from where they were then, and would speak as somebody who has said other things since: it has to be
 * nobody, and enrol as a new replica. Its log stays readable for people, beside the new one.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { lockSlot } from "./lock.ts";

/** What is kept, out of the way; everything else but the lock goes. */
const KEPT = /^log\.sqlite/;
const LOCK = /^lock(\.sqlite.*)?$/;
const SET_ASIDE = /^before-reset-/;

export interface ResetPlan {
  readonly folder: string;
  /** Names in the folder. */
  readonly erased: readonly string[];
  readonly setAside: readonly string[];
}

/** What a reset would do; undefined where there is no replica's folder. Changes nothing. */
export async function planReset(folder: string): Promise<ResetPlan | undefined> {
  if (!existsSync(folder)) return undefined;
  const names = (await readdir(folder)).filter((name) => !LOCK.test(name) && !SET_ASIDE.test(name)).sort();
  const setAside = names.filter((name) => KEPT.test(name));
  return { folder, erased: names.filter((name) => !KEPT.test(name)), setAside };
}

/**
 * Erases identity, state and open records, and moves the log into a folder of its own, whose path it resolves to.
 * Rejects while a process has the slot, and has then changed nothing.
 */
export async function resetSlot(folder: string, now: Date): Promise<string | undefined> {
  const unlock = await lockSlot(folder);
  try {
    const plan = await planReset(folder);
    if (plan === undefined) return undefined;
    // The identity goes first: without it nothing of the rest speaks for anybody, wherever this ends.
    const identityFirst = plan.erased.toSorted(
      (a, b) => Number(b.startsWith("identity")) - Number(a.startsWith("identity")),
    );
    for (const name of identityFirst) await rm(join(folder, name), { recursive: true, force: true });
    if (plan.setAside.length === 0) return undefined;
    const aside = join(folder, `before-reset-${now.toISOString().replaceAll(":", "-")}`);
    await mkdir(aside, { recursive: true, mode: 0o700 });
    for (const name of plan.setAside) await rename(join(folder, name), join(aside, name));
    return aside;
  } finally {
    await unlock();
  }
}
