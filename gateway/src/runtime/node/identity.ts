/** The identity in a slot's folder: one file, sealed under the master key. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Identity, type IdentityFile } from "../../identity/identity.ts";
import { readIfThere, writeDurably } from "./durable-file.ts";
import { createSealer, type Sealer } from "./seal.ts";

export function createIdentityFile(folder: string, masterKey: Uint8Array, slot: string): IdentityFile {
  const path = join(folder, "identity.sealed");
  const sealer: Sealer = createSealer(masterKey, "clv-identity/v1", slot);
  return {
    async read() {
      const sealed = await readIfThere(path);
      if (sealed === undefined) return undefined;
      const plain = sealer.open(sealed, "identity");
      if (plain === undefined) {
        throw new Error(
          `${path} cannot be opened: CLAVIGER_GATEWAY_MASTER_KEY is another one, or it was changed`,
        );
      }
      return Identity.parse(JSON.parse(Buffer.from(plain).toString()));
    },
    async write(identity) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeDurably(path, sealer.seal(Buffer.from(JSON.stringify(identity)), "identity"));
    },
  };
}
