/** Reads the persisted state back: every signature and every page hash is checked again, then all of it is folded. */
import type { Instant } from "@claviger/shared/sync/freshness";
import type { Identity, ReplicaEffect, ReplicaState } from "@claviger/shared/sync/replica-state";
import { type LoadedEntry, restore } from "@claviger/shared/sync/restore";
import type { Verify } from "@claviger/shared/wire/sign";
import type { Snapshot } from "@claviger/shared/wire/snapshot";
import type { LoadedState } from "../ports.ts";
import { isPage, readHistory, readSnapshot, tableOf } from "./read-message.ts";
import { decodeRecord, type StateRecord } from "./state-file.ts";

export interface Loaded {
  state: ReplicaState;
  /** Audit entries that the log may lack. */
  effects: Extract<ReplicaEffect, { type: "audit" }>[];
  condition: LoadedState["condition"];
  complaints: string[];
  /** Size of what was read, for compaction: the snapshot with its pages, and what was appended since. */
  snapshotBytes: number;
  logBytes: number;
  logDeltas: number;
  /** How many links the audit log had when the last stamp was written. */
  auditN: number;
}

/** The state that the store holds, without freshness unless all of it verified. */
export async function load(
  identity: Identity,
  verify: Verify,
  loaded: LoadedState,
  now: () => Instant,
): Promise<Loaded> {
  const reader: Reader = { identity, verify, entries: [], complaints: [...loaded.complaints], auditN: 0 };
  const sizes = { snapshotBytes: 0, logBytes: 0, logDeltas: 0 };
  let open: { snapshot: Snapshot; jws: string; pages: Uint8Array[] } | undefined;
  for (const bytes of loaded.records) {
    const record = decodeRecord(bytes);
    if (record?.kind === "snapshot" || record?.kind === "page") sizes.snapshotBytes += bytes.length;
    else sizes.logBytes += bytes.length;
    if (record?.kind === "delta") sizes.logDeltas += 1;
    if (record === undefined) reader.complaints.push("a record of an unknown form");
    else if (record.kind === "snapshot") {
      const snapshot = await readSnapshot(verify, record.jws);
      if ("type" in snapshot) reader.complaints.push(`a snapshot that does not verify: ${snapshot.code}`);
      else open = { snapshot, jws: record.jws, pages: [] };
    } else if (record.kind === "page") open?.pages.push(record.bytes);
    else await readLogged(reader, record);
    if (open !== undefined && open.pages.length === open.snapshot.pages.length) {
      await readWhole(reader, open);
      open = undefined;
    }
  }
  if (open !== undefined) reader.complaints.push("a snapshot without all of its pages");
  const whole = loaded.condition === "whole" && reader.complaints.length === 0;
  const restored = restore(identity, reader.entries, whole, now());
  const { state, effects } = restored;
  const condition = loaded.condition === "empty" ? "empty" : restored.whole ? "whole" : "damaged";
  const { complaints, auditN } = reader;
  return { state, effects, condition, complaints, auditN, ...sizes };
}

interface Reader {
  readonly identity: Identity;
  readonly verify: Verify;
  readonly entries: LoadedEntry[];
  readonly complaints: string[];
  auditN: number;
}

async function readLogged(
  reader: Reader,
  record: Extract<StateRecord, { kind: "delta" | "stamp" }>,
): Promise<void> {
  if (record.kind === "stamp") {
    reader.entries.push({ type: "stamp", stamp: record.stamp });
    reader.auditN = record.auditN ?? 0;
    return;
  }
  const event = await readHistory(reader.verify, record.jws);
  if (event.type === "rejected") reader.complaints.push(`a delta that does not verify: ${event.code}`);
  else reader.entries.push(event);
}

async function readWhole(
  reader: Reader,
  { snapshot, jws, pages }: { snapshot: Snapshot; jws: string; pages: Uint8Array[] },
): Promise<void> {
  for (const [i, sha256] of snapshot.pages.entries()) {
    const bytes = pages[i];
    if (bytes === undefined || !(await isPage(bytes, sha256))) {
      reader.complaints.push(`page ${i} of the snapshot is not the one that was signed`);
      return;
    }
  }
  const table = tableOf(pages);
  if (table === undefined) {
    reader.complaints.push("a page of the snapshot is not understood");
    return;
  }
  const { org, epoch, rev, chain } = snapshot;
  reader.entries.push({ type: "snapshot", org, at: { epoch, rev, chain }, table, token: { jws, pages: [] } });
}
