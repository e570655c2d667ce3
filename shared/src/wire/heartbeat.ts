/**
 * The one upward control message and its answer. The heartbeat is state-based ("this is all I hold"), so that loss,
 * duplication and reordering are harmless by form. Identity comes from the subject or the signature, never from here.
 */
import * as z from "zod";
import { EscrowAnswer, EscrowReport } from "./escrow.ts";
import { AnswerPart } from "./query.ts";
import { RateAnswer, RateReports } from "./rate.ts";
import { Digest, Epoch, Id, Revision, TimeMs } from "./scalars.ts";

/** PostgreSQL's `integer`, which is what counts of one replica are kept in. */
const COUNT_MAX = 2_147_483_647;

/** A text of somebody else's making; what no database takes (U+0000, halves of a surrogate pair) becomes U+FFFD. */
const Told = z
  .string()
  .overwrite((text) => text.replaceAll(/\p{Surrogate}/gu, "\u{FFFD}").replaceAll("\0", "\u{FFFD}"));

export const Nack = z.object({
  rev: Revision,
  code: z.enum(["bad_signature", "wrong_org", "old_epoch", "too_large", "unsupported", "fork"]),
  detail: Told.max(500),
});
export type Nack = z.infer<typeof Nack>;

/** A key that is dead or closed at the gateway although the control plane's history, which lost that, says otherwise. */
const KeyTomb = z.object({
  id: Id,
  generation: z.int().min(1).max(1_000_000_000),
  /** `inactive`: the history lost a rotation, so the generation is one that the control plane does not know. */
  status: z.enum(["inactive", "revoked", "deleted"]),
});
export type KeyTomb = z.infer<typeof KeyTomb>;

/** An ephemeral token that is refused at the gateway although the control plane's history, which lost that, does not say so. */
const TokenTomb = z.object({ id: Id, status: z.literal("denied"), keyId: Id, expiresAtMs: TimeMs });
export type TokenTomb = z.infer<typeof TokenTomb>;

export const Tomb = z.union([KeyTomb, TokenTomb]);
export type Tomb = z.infer<typeof Tomb>;

/** Gateway → control plane. `epoch` 0 and `rev` 0 say "I hold nothing". */
export const Heartbeat = z.object({
  v: z.literal(1),
  replica: Id,
  /** `<starts>.<random>`: how often this replica was started, from its own disk; see `sync/boot.ts`. */
  boot: z.string().regex(/^[1-9][0-9]{0,9}\.[A-Za-z0-9_-]{8,48}$/),
  nonce: z.string().min(8).max(64),
  software: Told.max(64),
  runtime: z.enum(["node", "workers"]),
  wallMs: TimeMs,
  epoch: z.int().min(0).max(COUNT_MAX),
  revApplied: Revision,
  revEffective: Revision,
  chain: Digest,
  nack: Nack.optional(),
  /** Said until the control plane's history agrees; more are said once these are settled. */
  tombs: z.array(Tomb).max(200).optional(),
  /** The state on disk was not whole when this process started; said until there is an answer. */
  stateDamaged: z.literal(true).optional(),
  /** Set by a clean shutdown. */
  bye: z.literal(true).optional(),
  usage: z.object({ nextSeq: z.int().min(1) }),
  /** Absent at a gateway that knows of no budgets. */
  escrow: EscrowReport.optional(),
  /**
   * Of what is too much for a message a part, another one with each heartbeat; always with `escrowLeftOut`. Of a slice
   * that it does not name nothing is said. A field of its own, so that whoever does not know it concludes nothing.
   */
  escrowPart: EscrowReport.optional(),
  /** What it would have to say of budgets is too much for a message: nothing is concluded from its absence. */
  escrowLeftOut: z.literal(true).optional(),
  rates: RateReports.optional(),
  audit: z.object({ n: z.int().min(0), head: Digest }),
  inflight: z.int().min(0).max(COUNT_MAX),
  requestsPerSecond: z.number().min(0),
  /** Requests aborted by each restrictive revision since the last answered heartbeat. */
  aborted: z.array(z.object({ rev: Revision, n: z.int().min(1).max(COUNT_MAX) })).max(256),
  /** Wall clock minus control-plane time as last measured, and the error of that figure (≤ rtt/2). */
  clockOffsetMs: z.number().nullable(),
  clockErrorMs: z.number().nullable(),
  /** Over HTTPS only: parts of answers to `Fresh.queries`, ≤ 512 KiB together. */
  answers: z
    .array(
      z.object({ cp: z.string().max(64), id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), part: AnswerPart }),
    )
    .max(64)
    .optional(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

/** Control plane → gateway (JWS typ `clv-fresh+jws`): the freshness proof, and what this replica lacks. */
export const Fresh = z.object({
  v: z.literal(1),
  org: Id,
  replica: Id,
  boot: z.string(),
  nonce: z.string(),
  epoch: Epoch,
  cpTimeMs: TimeMs,
  /** The proof is usable only by a replica that has applied this revision with this chain. */
  asOf: Revision,
  chain: Digest,
  /** Delta JWSs after the heartbeat's position, and epoch JWSs between them, ≤ 256 KiB together; the rest by sync. */
  deltas: z.array(z.string()),
  /** The replica's state cannot be continued: take a snapshot. */
  resync: z.boolean(),
  usageCursor: z.int().min(0),
  /** Only in answer to a heartbeat that has its part. */
  escrow: EscrowAnswer.optional(),
  /** Only in answer to a heartbeat that has its part. */
  rates: RateAnswer.optional(),
  /** How many replicas of the organization there are: each has an equal share of what is not dealt by demand. */
  replicas: z.int().min(1).optional(),
  /** The gateway takes no new requests until an answer comes without this. */
  draining: z.literal(true).optional(),
  /** Data keys sealed to this replica, after a rotation. */
  dataKeys: z.array(z.string()).optional(),
  natsJwt: z.string().optional(),
  /** Over HTTPS only: questions (`clv-query+jws`) that wait for this replica. */
  queries: z.array(z.string()).max(64).optional(),
  nextHeartbeatMs: z.int().min(20).max(300_000),
});
export type Fresh = z.infer<typeof Fresh>;

/** Ask for what comes after `from`: deltas (with epoch JWSs between them), or a snapshot when they do not lead on. */
export const SyncRequest = z.object({
  v: z.literal(1),
  epoch: z.int().min(0).max(COUNT_MAX),
  from: Revision,
  chain: Digest,
});
export type SyncRequest = z.infer<typeof SyncRequest>;

export const SyncAnswer = z.union([
  z.object({ deltas: z.array(z.string()), more: z.boolean() }),
  z.object({ snapshot: z.string() }),
]);
export type SyncAnswer = z.infer<typeof SyncAnswer>;

export const PageRequest = z.object({ sha256: Digest });
export type PageRequest = z.infer<typeof PageRequest>;
