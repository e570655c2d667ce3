/**
 * Keeps the bus's accounts equal to the database: pushed when one is made or changed, all at every connect (the servers
 * may have lost everything), and each minute what is missing, what was changed lately, and, after a push that failed, all.
 */
import { eq, inArray, sql } from "drizzle-orm";
import { orgAccount } from "../db/tables/org-account.ts";
import type { Ports } from "../ports.ts";
import { ACCOUNT_CHANGED } from "./accounts.ts";
import type { AccountBus, FleetBus } from "./bus.ts";
import { tellDetached } from "./detachment.ts";

const COMPARE_EVERY_MS = 60_000;
/** Longer than two rounds. */
const LATELY_SECONDS = 300;

type KeeperPorts = Pick<Ports, "db" | "wake" | "log" | "sign"> & { readonly bus: FleetBus };

/** Runs until it is stopped; one push at a time. */
export function startAccountKeeper(
  ports: KeeperPorts,
  bus: AccountBus,
  compareEveryMs = COMPARE_EVERY_MS,
): { stop(): Promise<void> } {
  let running = Promise.resolve();
  let stopped = false;
  /** A push failed, and nobody knows which accounts the servers have as they are: a revocation may be among them. */
  let doubtful = false;
  const run = (what: string, work: () => Promise<number>) => {
    running = running.then(async () => {
      if (stopped) return;
      try {
        const pushed = await work();
        if (pushed > 0) ports.log.info({ pushed, what }, "accounts pushed to the bus");
        if (what === "connect" || what === "all") doubtful = false;
      } catch (error) {
        doubtful = true;
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
  const compare = () => {
    if (doubtful) run("all", () => pushAll(ports, bus));
    else run("compare", () => pushMissing(ports, bus));
  };
  const timer = setInterval(compare, compareEveryMs);
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
  // One that another process changed, and could not push before it ended, is on the servers under the same name.
  const lately = sql<boolean>`${orgAccount.updatedAt} > clock_timestamp() - ${LATELY_SECONDS} * interval '1 second'`;
  const accounts = await ports.db.select({ account: orgAccount.account, lately }).from(orgAccount);
  const missing = accounts.flatMap(({ account, lately }) => (lately || !held.has(account) ? [account] : []));
  if (missing.length === 0) return 0;
  const rows = await ports.db
    .select({ jwt: orgAccount.jwt })
    .from(orgAccount)
    .where(inArray(orgAccount.account, missing));
  for (const { jwt } of rows) await bus.update(jwt);
  return rows.length;
}
