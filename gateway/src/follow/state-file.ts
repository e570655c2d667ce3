/**
 * The forms of persisted records: one letter, then the bytes. All of it is what the control plane signed, but for the
 * stamp, which is this replica's own note of freshness and clock; the store seals every record.
 */
import type { ReplicaStamp } from "@claviger/shared/sync/replica-state";
import { DeniedTokenRecord, KeyRecord } from "@claviger/shared/wire/record";
import * as z from "zod";

/** What one record of the state holds. A snapshot is followed by its pages, in order. */
export type StateRecord =
  | { kind: "snapshot"; jws: string }
  | { kind: "page"; bytes: Uint8Array }
  | { kind: "delta"; jws: string }
  /** `auditN`: how many links the audit log had on disk by then; a log that has fewer is not the one. */
  | { kind: "stamp"; stamp: ReplicaStamp; auditN?: number };

const LETTERS = { snapshot: 0x73, page: 0x70, delta: 0x64, stamp: 0x74 } as const;

const Stamp = z.object({
  proof: z.object({ sentWallMs: z.number(), cpTimeMs: z.number() }).nullable(),
  clock: z.object({
    offsetMs: z.number().nullable(),
    errorMs: z.number().nullable(),
    trusted: z.boolean(),
    highWaterMs: z.number(),
  }),
  audited: z.object({ epoch: z.int(), rev: z.int() }),
  kept: z.array(KeyRecord),
  denials: z.array(DeniedTokenRecord),
  auditN: z.int().min(0).default(0),
});

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeRecord(record: StateRecord): Uint8Array {
  const body = bodyOf(record);
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = LETTERS[record.kind];
  bytes.set(body, 1);
  return bytes;
}

function bodyOf(record: StateRecord): Uint8Array {
  if (record.kind === "page") return record.bytes;
  if (record.kind !== "stamp") return encoder.encode(record.jws);
  return encoder.encode(JSON.stringify({ ...record.stamp, auditN: record.auditN ?? 0 }));
}

/** undefined for anything that `encodeRecord` does not make. */
export function decodeRecord(bytes: Uint8Array): StateRecord | undefined {
  const body = bytes.subarray(1);
  try {
    switch (bytes[0]) {
      case LETTERS.snapshot:
        return { kind: "snapshot", jws: decoder.decode(body) };
      case LETTERS.page:
        return { kind: "page", bytes: body };
      case LETTERS.delta:
        return { kind: "delta", jws: decoder.decode(body) };
      case LETTERS.stamp: {
        const { auditN, ...stamp } = Stamp.parse(JSON.parse(decoder.decode(body)));
        return { kind: "stamp", stamp, auditN };
      }
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}
