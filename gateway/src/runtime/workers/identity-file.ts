/** The identity of an object: one sealed row of its storage. */
import { Identity, type IdentityFile } from "../../identity/identity.ts";
import { createSealer } from "./sealer.ts";

export function createIdentityFile(
  storage: DurableObjectStorage,
  masterKey: Uint8Array,
  slot: string,
): IdentityFile {
  const sealer = createSealer(masterKey, "clv-identity/v1", slot);
  const { sql } = storage;
  sql.exec(
    "CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY CHECK (one = 1), sealed BLOB NOT NULL) STRICT",
  );
  return {
    async read() {
      const [row] = sql.exec("SELECT sealed FROM identity").toArray();
      if (row === undefined) return undefined;
      const plain = await sealer.open(new Uint8Array(row.sealed as ArrayBuffer), "identity");
      if (plain === undefined) {
        throw new Error(
          "the identity cannot be opened: CLAVIGER_GATEWAY_MASTER_KEY is another one, or it was changed",
        );
      }
      return Identity.parse(JSON.parse(new TextDecoder().decode(plain)));
    },
    async write(identity) {
      const plain = new TextEncoder().encode(JSON.stringify(identity));
      const sealed = await sealer.seal(plain, "identity");
      sql.exec("INSERT OR REPLACE INTO identity (one, sealed) VALUES (1, ?)", sealed);
      await storage.sync();
    },
  };
}
