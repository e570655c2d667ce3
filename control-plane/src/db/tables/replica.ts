import type { Nack } from "@claviger/shared/wire/heartbeat";
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
} from "drizzle-orm/pg-core";

/** A moment at which a replica reached a revision, and how many requests it aborted for it. */
export interface Confirmation {
  rev: number;
  atMs: number;
  aborted: number;
}

/** One running copy of a gateway: its identity, and what its last heartbeat said. */
export const replica = pgTable(
  "replica",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    gatewayId: text("gateway_id").notNull(),
    slot: text("slot").notNull(),
    nkey: text("nkey").notNull(),
    sealKey: text("seal_key").notNull(),
    publicUrl: text("public_url"),
    runtime: text("runtime", { enum: ["node", "workers"] }).notNull(),
    enrolledAt: timestamp("enrolled_at", { withTimezone: true }).notNull(),
    tokenId: text("token_id").notNull(),
    epoch: integer("epoch").notNull().default(0),
    revApplied: bigint("rev_applied", { mode: "number" }).notNull().default(0),
    revEffective: bigint("rev_effective", { mode: "number" }).notNull().default(0),
    /** The latest moment at which it was told that its table is current; null = it admits nothing yet. */
    freshHi: timestamp("fresh_hi", { withTimezone: true }),
    lastSeen: timestamp("last_seen", { withTimezone: true }),
    /** The process that speaks for it; only a later start may take over (A5). */
    bootId: text("boot_id"),
    nack: jsonb("nack").$type<Nack>(),
    bye: boolean("bye").notNull().default(false),
    software: text("software"),
    inflight: integer("inflight").notNull().default(0),
    requestsPerSecond: doublePrecision("requests_per_second").notNull().default(0),
    clockOffsetMs: doublePrecision("clock_offset_ms"),
    clockErrorMs: doublePrecision("clock_error_ms"),
    usageNextSeq: bigint("usage_next_seq", { mode: "number" }).notNull().default(1),
    /** The epoch in which all slices that it named were known: from then on it stops nobody's issues after a restore. */
    escrowEpoch: integer("escrow_epoch").notNull().default(0),
    auditN: bigint("audit_n", { mode: "number" }).notNull().default(0),
    auditHead: text("audit_head"),
    /** The last 64 moves of `rev_effective`, oldest first. */
    confirmations: jsonb("confirmations").$type<Confirmation[]>().notNull().default([]),
    natsJwtExpiresAt: timestamp("nats_jwt_expires_at", { withTimezone: true }),
    /** Set when its gateway was detached. */
    goneAt: timestamp("gone_at", { withTimezone: true }),
  },
  (table) => [
    uniqueIndex("replica_nkey").on(table.nkey),
    index("replica_org").on(table.orgId),
    index("replica_gateway").on(table.gatewayId),
  ],
);
