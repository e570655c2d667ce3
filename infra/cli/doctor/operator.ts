/** With a control plane's environment at hand: its settings, its database, its key-encryption key, its bus. */
import { openDatabase } from "@claviger/control-plane/db/database";
import { cpSecret } from "@claviger/control-plane/db/tables/cp-secret";
import { secretContext } from "@claviger/control-plane/fleet/cluster-keys";
import { type Config, ConfigError, readConfig } from "@claviger/control-plane/runtime/node/config";
import { createVault } from "@claviger/control-plane/runtime/node/vault";
import { checkBus, checkPublicUrls } from "./bus.ts";
import { codeOf, error, type Finding, fine, whyOf } from "./finding.ts";
import { ask } from "./http.ts";

/** Whatever tells that a control plane is set up here. */
export const isOperator = (env: NodeJS.ProcessEnv): boolean =>
  env.DATABASE_URL !== undefined || env.CLAVIGER_KEK !== undefined;

const CLOCK_MS_MAX = 5_000;

/** Settings first: without them nothing else can be looked at. */
export async function checkOperator(env: NodeJS.ProcessEnv, now: () => Date): Promise<Finding[]> {
  let config: Config;
  try {
    config = readConfig(env);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const [name = ""] = thrown.message.split(" ");
    return [
      error(
        "settings",
        `the control plane would not start: ${thrown.message}`,
        `set ${name} in its environment (docs/operations, Settings)`,
      ),
    ];
  }
  const { findings, keys } = await checkDatabase(config, now);
  return [
    fine("settings", "the control plane's settings can be read"),
    ...findings,
    ...(await checkBus(config.natsUrls, keys)),
    ...(await checkPublicUrls(config.natsPublicUrls)),
    ...(await checkPublicUrl(config.publicUrl)),
  ];
}

/** The seed of the control plane's account on the bus, when it could be opened. */
export type BusSeed = Uint8Array | undefined;

async function checkDatabase(
  config: Config,
  now: () => Date,
): Promise<{ findings: Finding[]; keys: BusSeed }> {
  const { db, close } = openDatabase(config.databaseUrl, 1);
  try {
    const rows = await db.execute<{ at: string; version: string }>(
      "select (extract(epoch from clock_timestamp()) * 1000)::text as at, current_setting('server_version') as version",
    );
    const offMs = now().getTime() - Number(rows[0]?.at);
    const clock =
      Math.abs(offMs) <= CLOCK_MS_MAX
        ? []
        : [
            error(
              "clock",
              `this machine's clock is ${Math.round(offMs / 1000)} s off the database's`,
              "let NTP set the clocks, here and there",
            ),
          ];
    const findings = [fine("database", `PostgreSQL ${rows[0]?.version} answers`), ...clock];
    const tables = await db.execute<{ there: boolean }>(
      "select to_regclass('cp_secret') is not null as there",
    );
    if (tables[0]?.there !== true) {
      return {
        findings: [
          ...findings,
          error(
            "database",
            "it has no tables yet",
            'run "claviger nats init", or start the control plane: both make them',
          ),
        ],
        keys: undefined,
      };
    }
    const vault = await createVault(config.kek);
    return await openKeys(findings, await db.select().from(cpSecret), vault.unwrap);
  } catch (thrown) {
    return { findings: [databaseProblem(thrown)], keys: undefined };
  } finally {
    await close();
  }
}

async function openKeys(
  findings: Finding[],
  rows: readonly { name: string; wrapped: Uint8Array }[],
  unwrap: (wrapped: Uint8Array, context: string) => Promise<Uint8Array>,
): Promise<{ findings: Finding[]; keys: BusSeed }> {
  let keys: BusSeed;
  try {
    for (const { name, wrapped } of rows) {
      const seed = await unwrap(wrapped, secretContext(name));
      if (name === "nats.control-plane") keys = seed;
    }
  } catch (thrown) {
    const mend = "set CLAVIGER_KEK to the key that this database was set up with; there is no way without it";
    return { findings: [...findings, error("key-encryption key", whyOf(thrown), mend)], keys: undefined };
  }
  return {
    findings: [...findings, fine("key-encryption key", `opens ${rows.length} keys of the cluster`)],
    keys,
  };
}

function databaseProblem(thrown: unknown): Finding {
  const said = `PostgreSQL does not let us in: ${whyOf(thrown)}`;
  const mends: Record<string, string> = {
    "28P01": "correct user and password in DATABASE_URL",
    "28000": "let this address and user in (pg_hba.conf), or correct DATABASE_URL",
    "3D000": "create the database that DATABASE_URL names",
    ECONNREFUSED: "start PostgreSQL, or correct host and port in DATABASE_URL",
    ENOTFOUND: "correct the host in DATABASE_URL",
    "53300": "raise max_connections, or start fewer control planes: each takes up to 22",
  };
  return error(
    "database",
    said,
    mends[codeOf(thrown) ?? ""] ?? "check DATABASE_URL and the way to PostgreSQL",
  );
}

/** What browsers and gateways are told must lead to a control plane. */
async function checkPublicUrl(url: string): Promise<Finding[]> {
  const about = "public address";
  const mend = "set CLAVIGER_PUBLIC_URL to where browsers and gateways reach the control plane, or start it";
  try {
    const { json } = await ask(`${url}/api/v1/status`);
    const { data } = (json ?? {}) as { data?: { type?: string } };
    if (data?.type === "status") return [fine(about, `a control plane answers at ${url}`)];
    return [error(about, `at CLAVIGER_PUBLIC_URL ${url} answers something else`, mend)];
  } catch (thrown) {
    return [error(about, `nobody answers at CLAVIGER_PUBLIC_URL ${url} (${whyOf(thrown)})`, mend)];
  }
}
