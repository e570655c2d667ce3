/**
 * Keeps the bus's accounts equal to the database: pushed when one is made or changed, all at every connect (the servers
 * may have lost everything), and what is missing each minute.
 */
import { eq, inArray } from "drizzle-orm";
import { orgAccount } from "../db/tables/org-account.ts";
import type { Ports } from "../ports.ts";
import { ACCOUNT_CHANGED } from "./accounts.ts";
import type { AccountBus, FleetBus } from "./bus.ts";
import { tellDetached } from "./detachment.ts";

const COMPARE_EVERY_MS = 60_000;

type KeeperPorts = Pick<Ports, "db" | "wake" | "log" | "sign"> & { readonly bus: FleetBus };

/** Runs until it is stopped; one push at a time. */
export function startAccountKeeper(ports: KeeperPorts, bus: AccountBus): { stop(): Promise<void> } {
  let running = Promise.resolve();
  let stopped = false;
  const run = (what: string, work: () => Promise<number>) => {
    running = running.then(async () => {
      if (stopped) return;
      try {
        const pushed = await work();
        if (pushed > 0) ports.log.info({ pushed, what }, "accounts pushed to the bus");
      } catch (error) {
        ports.log.warn({ err: error, what }, "accounts could not be pushed; the next round tries again");
      }
    });
  };
  const offConnect = bus.onConnect(() => run("connect", () => pushAll(ports, bus)));
  const offWake = ports.wake.on("fleet", (payload) => {
    if (payload === "") run("wake", () => pushMissing(ports, bus));
    if (!payload.startsWith(ACCOUNT_CHANGED)) return;
    const orgId = payload.slice(ACCOUNT_CHANGED.length);
    // Who is cut off by the push hears why first, as far as the bus carries it.
    run("change", () => tellDetached(ports, orgId).then(() => pushOne(ports, bus, orgId)));
  });
  const timer = setInterval(() => run("compare", () => pushMissing(ports, bus)), COMPARE_EVERY_MS);
  return {
    async stop() {
      stopped = true;
      offConnect();
      offWake();
      clearInterval(timer);
      await running;
    },
  };
}

/** Pushes the account of one organization as the database has it now. */
export async function pushOne(ports: Pick<Ports, "db">, bus: AccountBus, orgId: string): Promise<number> {
  const [row] = await ports.db
    .select({ jwt: orgAccount.jwt })
    .from(orgAccount)
    .where(eq(orgAccount.orgId, orgId));
  if (row === undefined) return 0;
  await bus.update(row.jwt);
  return 1;
}

async function pushAll(ports: KeeperPorts, bus: AccountBus): Promise<number> {
  const rows = await ports.db.select({ jwt: orgAccount.jwt }).from(orgAccount);
  for (const { jwt } of rows) await bus.update(jwt);
  return rows.length;
}

async function pushMissing(ports: KeeperPorts, bus: AccountBus): Promise<number> {
  const held = new Set(await bus.list());
  const accounts = await ports.db.select({ account: orgAccount.account }).from(orgAccount);
  const missing = accounts.map(({ account }) => account).filter((account) => !held.has(account));
  if (missing.length === 0) return 0;
  const rows = await ports.db
    .select({ jwt: orgAccount.jwt })
    .from(orgAccount)
    .where(inArray(orgAccount.account, missing));
  for (const { jwt } of rows) await bus.update(jwt);
  return rows.length;
}
