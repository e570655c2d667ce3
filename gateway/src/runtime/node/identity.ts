/**
 * Who this replica is: its own keys, made here and never leaving, and what the control plane said at enrolment. One
 * file per slot, sealed under the master key.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { EnrolAnswer } from "@claviger/shared/wire/enrol";
import { createUser } from "@nats-io/nkeys";
import * as z from "zod";
import { readIfThere, writeDurably } from "./durable-file.ts";
import { createSealer, type Sealer } from "./seal.ts";

const SealKey = z.object({ kty: z.literal("OKP"), crv: z.literal("X25519"), x: z.string(), d: z.string() });

const Identity = z.object({
  v: z.literal(1),
  /** `SU…`: the seed of the Ed25519 nkey. */
  nkeySeed: z.string(),
  nkey: z.string(),
  /** X25519 private key (RFC 8037), for data keys sealed to this replica. */
  sealKey: SealKey,
  /** How often this replica was started: its place in the order of processes (`shared/sync/boot.ts`). */
  starts: z.int().min(0),
  /** Its part of what every limit leaves to replicas without a share (`shared/rate`), for a start without the control plane. */
  floorPart: z.number().min(0).max(1).optional(),
  /** Set for ever by a detachment; its private keys, credentials and data keys are empty then. */
  detachedAtMs: z.int().min(0).optional(),
  /** Absent until enrolled. */
  enrolled: EnrolAnswer.optional(),
});

export type NodeIdentity = z.infer<typeof Identity>;

/** The identity in a slot's folder. */
export interface IdentityFile {
  /** undefined in an empty folder; throws when there is one that this master key does not open. */
  read(): Promise<NodeIdentity | undefined>;
  write(identity: NodeIdentity): Promise<void>;
}

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

/** New keys for a replica that does not exist yet. */
export async function newIdentity(): Promise<NodeIdentity> {
  const nkey = createUser();
  const pair = await crypto.subtle.generateKey({ name: "X25519" }, true, ["deriveBits"]);
  if (!("privateKey" in pair)) throw new Error("X25519 makes a pair of keys");
  return {
    v: 1,
    starts: 0,
    nkeySeed: new TextDecoder().decode(nkey.getSeed()),
    nkey: nkey.getPublicKey(),
    sealKey: SealKey.parse(await crypto.subtle.exportKey("jwk", pair.privateKey)),
  };
}
