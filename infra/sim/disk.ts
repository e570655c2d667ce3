/** What a replica has on disk: the newest generation of its state, and the one before. */
import type { Position } from "@claviger/shared/sync/position";
import type { DeltaEvent, EpochEvent, ReplicaEffect } from "@claviger/shared/sync/replica-state";
import type { LoadedEntry } from "@claviger/shared/sync/restore";
import { Table } from "@claviger/shared/sync/table";
import type { Image } from "./control-plane.ts";
import { ORG } from "./keys.ts";

/** A snapshot is kept as its image: the table that is made of it belongs to whoever reads it. */
type Entry = Exclude<LoadedEntry, { type: "snapshot" }> | { readonly type: "image"; readonly image: Image };

export interface Disk {
  readonly current: readonly Entry[];
  readonly previous: readonly Entry[];
  readonly durable: Position;
  readonly previousDurable: Position;
  /** An older generation stands in for a damaged one, and nothing newer has been written since. */
  readonly outdated: boolean;
}

export interface Write {
  readonly effect: Extract<ReplicaEffect, { type: "append" | "replace" }>;
  /** Where the state stood when the write was asked for. */
  readonly at: Position;
}

const NOTHING: Position = { epoch: 0, rev: 0 };

export function emptyDisk(): Disk {
  return { current: [], previous: [], durable: NOTHING, previousDurable: NOTHING, outdated: false };
}

/** The disk after one write. `read` is how a JWS is read again. */
export function written(
  disk: Disk,
  { effect, at }: Write,
  read: (jws: string) => DeltaEvent | EpochEvent,
): Disk {
  if (effect.type === "append") {
    const entry: Entry =
      effect.entry.kind === "stamp" ? { type: "stamp", stamp: effect.entry.stamp } : read(effect.entry.jws);
    const outdated = disk.outdated && !(entry.type === "stamp" && entry.stamp.proof !== null);
    return { ...disk, current: [...disk.current, entry], durable: at, outdated };
  }
  const image = effect.token as Image;
  const stamp: Entry = { type: "stamp", stamp: effect.stamp };
  const current = [{ type: "image", image } as const, ...effect.deltas.map(read), stamp];
  return { current, previous: disk.current, durable: at, previousDurable: disk.durable, outdated: false };
}

/** The newest generation turns out to be damaged: the one before is all there is. */
export function damaged(disk: Disk): Disk {
  return { ...emptyDisk(), current: disk.previous, durable: disk.previousDurable, outdated: true };
}

/** What a process finds when it starts. */
export function entriesOf(entries: readonly Entry[]): LoadedEntry[] {
  return entries.map((entry): LoadedEntry => {
    if (entry.type !== "image") return entry;
    const { image } = entry;
    return { type: "snapshot", org: ORG, at: image.at, table: tableOf(image), token: image };
  });
}

export function tableOf(image: Image): Table {
  const table = new Table();
  for (const change of image.records) table.apply(change);
  return table;
}
