/**
 * Who a replica is: its own keys, made where it runs and never leaving, and what the control plane said at enrolment.
 * Each runtime keeps it in one sealed place.
 */
import { EnrolAnswer } from "@claviger/shared/wire/enrol";
import { createUser } from "@nats-io/nkeys";
import * as z from "zod";

const SealKey = z.object({ kty: z.literal("OKP"), crv: z.literal("X25519"), x: z.string(), d: z.string() });

export const Identity = z.object({
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

export type Identity = z.infer<typeof Identity>;

export type EnrolledIdentity = Identity & { enrolled: EnrolAnswer };

/** Where the identity of one slot is kept. */
export interface IdentityFile {
  /** undefined in an empty place; throws when there is one that this master key does not open. */
  read(): Promise<Identity | undefined>;
  write(identity: Identity): Promise<void>;
}

/** New keys for a replica that does not exist yet. */
export async function newIdentity(): Promise<Identity> {
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
