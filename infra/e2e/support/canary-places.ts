/** Every place where somebody who should not see a secret may look. */
import { join } from "node:path";
import postgres from "postgres";
import { createIdentityFile } from "../../../gateway/src/runtime/node/identity.ts";
import { createStateStore } from "../../../gateway/src/runtime/node/state-store.ts";
import { ensureSecrets } from "../../local/secrets.ts";
import { filesBelow } from "./canary.ts";
import { copyGateway } from "./cold-replica.ts";
import type { World } from "./world.ts";

export const KINDS = [
  "bus",
  "table",
  "database file",
  "NATS file",
  "gateway file",
  "opened state",
  "log",
  "answer",
];

export interface Place {
  /** One of `KINDS`. */
  readonly kind: string;
  readonly name: string;
  readonly bytes: Buffer;
}

/** What was heard on the bus, and what callers were answered, is the test's; the rest is read where it lies. */
export async function placesOf(
  world: World,
  heard: { bus: Buffer; answers: readonly string[] },
): Promise<Place[]> {
  const { home, urls } = world.stack;
  const below = (kind: string, folder: string): Place[] =>
    [...filesBelow(join(home, folder))].map(({ path, bytes }) => ({ kind, name: path, bytes }));
  return [
    { kind: "bus", name: "both directions", bytes: heard.bus },
    ...(await tablesOf(urls.postgres)),
    ...below("database file", "postgres"),
    ...below("NATS file", "nats"),
    ...below("gateway file", "gateways"),
    ...(await openedStates(world)),
    ...below("log", "logs"),
    ...heard.answers.map((text) => ({ kind: "answer", name: text.slice(0, 60), bytes: Buffer.from(text) })),
  ];
}

/** All rows of all tables there are, and then a checkpoint, so that the files have them too. */
async function tablesOf(databaseUrl: string): Promise<Place[]> {
  const sql = postgres(databaseUrl, { max: 1 });
  try {
    const tables = await sql<{ name: string }[]>`
      select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`;
    const places: Place[] = [];
    for (const { name } of tables) {
      const rows = await sql.unsafe<{ row: string }[]>(`select t::text as row from ${name} t`);
      places.push({ kind: "table", name, bytes: Buffer.from(rows.map(({ row }) => row).join("\n")) });
    }
    await sql`checkpoint`;
    return places;
  } finally {
    await sql.end();
  }
}

/** What gateways know of their organization, decrypted: records name hashes and sealed credentials, no secret. */
async function openedStates(world: World): Promise<Place[]> {
  const { gatewayMasterKeys } = ensureSecrets(world.stack.home, []);
  return Promise.all(
    world.gateways.map(async ({ name }): Promise<Place> => {
      const masterKey = Buffer.from(gatewayMasterKeys[name] ?? "", "base64");
      const copied = copyGateway(world, name);
      try {
        const identity = await createIdentityFile(copied.folder, masterKey, "0").read();
        const store = createStateStore(copied.folder, masterKey, identity?.enrolled?.replicaId ?? "");
        const { records } = await store.load();
        await store.close();
        const texts = records.map((record) => legible(Buffer.from(record).toString()));
        return { kind: "opened state", name, bytes: Buffer.from(texts.join("\n")) };
      } finally {
        copied.remove();
      }
    }),
  );
}

/** A record with the payload of the JWS in it. */
function legible(record: string): string {
  const payloads = record.match(/(?<=\.)[A-Za-z0-9_-]{20,}(?=\.)/g) ?? [];
  return [record, ...payloads.map((payload) => Buffer.from(payload, "base64url").toString())].join("\n");
}
