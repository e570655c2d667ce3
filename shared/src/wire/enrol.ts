/** How a replica comes into being: `POST /gateway/v1/enrol`, authenticated by a counted, short-lived token. */
import * as z from "zod";
import { Id, TimeMs } from "./scalars.ts";

export const EnrolRequest = z.strictObject({
  v: z.literal(1),
  token: z.string().min(10).max(200),
  /** Names this copy among the gateway's replicas; the folder below `CLAVIGER_GATEWAY_HOME`. */
  slot: z.string().regex(/^[a-z0-9-]{1,64}$/),
  /** Ed25519 public key in NATS's user form (`U…`, 56 characters). */
  nkey: z.string().regex(/^U[A-Z2-7]{55}$/),
  /** X25519 public key, base64url, 32 bytes. */
  sealKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  publicUrl: z.url().optional(),
  runtime: z.enum(["node", "workers"]),
});
export type EnrolRequest = z.infer<typeof EnrolRequest>;

/** A public Ed25519 key of the control plane (RFC 8037 OKP `x`), by the id that JWS headers name. */
export const VerificationKey = z.object({ kid: z.string(), x: z.string() });
export type VerificationKey = z.infer<typeof VerificationKey>;

export const EnrolAnswer = z.object({
  v: z.literal(1),
  organizationId: Id,
  gatewayId: Id,
  gatewayName: z.string(),
  region: z.string(),
  replicaId: Id,
  /** User JWT for NATS, 24 h, renewed by heartbeats. */
  natsJwt: z.string(),
  natsUrls: z.array(z.string()),
  verificationKeys: z.array(VerificationKey).min(1),
  /** Compact JWEs (ECDH-ES+A256KW, A256GCM) of the organization's data keys, sealed to `sealKey`. */
  dataKeys: z.array(z.string()),
  cpTimeMs: TimeMs,
});
export type EnrolAnswer = z.infer<typeof EnrolAnswer>;
