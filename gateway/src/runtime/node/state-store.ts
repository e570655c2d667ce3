/**
 * The persisted state on Node: a snapshot file and an append-only log per generation, a pointer that names the
 * generation in force, and a mark that says how long its log was. The bargain: what `append` and `replace` resolved for survives a power cut; whatever was
 * changed, lost or is of an earlier generation is read as `damaged`, and stays so until the next `replace`.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedState, StateStore } from "../../ports.ts";
import { readIfThere, syncFolder, writeDurably } from "./durable-file.ts";
import { createSealer, type Sealer } from "./seal.ts";
import { frame, type ReadFrames, readFrames } from "./sealed-log.ts";
import { isShorter, type MarkFile, openMark, readMark } from "./state-mark.ts";

/** Closes a snapshot file, so that a shorter one is seen. */
const END = Buffer.from("end");

interface Pointer {
  generation: number;
  damaged: boolean;
}

/** A store in `folder`, sealed for this replica. */
export function createStateStore(folder: string, masterKey: Uint8Array, replica: string): StateStore {
  return new NodeStateStore(folder, createSealer(masterKey, "clv-state/v1", replica));
}

class NodeStateStore implements StateStore {
  readonly #folder: string;
  readonly #sealer: Sealer;
  #pointer: Pointer = { generation: 0, damaged: false };
  #log: FileHandle | undefined;
  #mark: MarkFile | undefined;
  /** Where the next record of the log goes, and its number. */
  #logBytes = 0;
  #logRecords = 0;
  /** A failed write may have left something behind the good part. */
  #dirty = false;
  #closed = false;

  constructor(folder: string, sealer: Sealer) {
    this.#folder = folder;
    this.#sealer = sealer;
  }

  async load(): Promise<LoadedState> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const generations = await this.#generations();
    const pointer = await this.#readPointer();
    if (generations.length === 0 && pointer === "none") {
      await this.#createLog(0);
      await this.#writePointer({ generation: 0, damaged: false });
      await this.#openLog();
      await this.#writeMark(0);
      return { records: [], condition: "empty", complaints: [] };
    }
    const complaints: string[] = [];
    if (typeof pointer === "string") complaints.push(`the pointer to the state is ${pointer}`);
    else if (pointer.damaged) complaints.push("the state was damaged before and has not been replaced since");
    const named = typeof pointer === "string" ? (generations.at(-1) ?? 0) : pointer.generation;
    const written = await this.#lastWritten(generations);
    if (written > named) complaints.push(`the pointer names generation ${named}, and ${written} is in use`);
    const records = await this.#readNewest(Math.max(named, written), generations, complaints);
    const mark = await readMark(this.#path("state.mark"), this.#sealer);
    const held = { generation: this.#pointer.generation, records: this.#logRecords };
    // Before its first record a process may have been killed without a mark; of nothing there is nothing to vouch for.
    const isNothing = held.generation === 0 && held.records === 0;
    if (typeof mark === "string") {
      if (!isNothing) complaints.push(`the mark of the state is ${mark}`);
    } else if (isShorter(held, mark)) {
      complaints.push(`the log has fewer records than the ${mark.records} of generation ${mark.generation}`);
    }
    const damaged = complaints.length > 0;
    if (damaged) await this.#writePointer({ ...this.#pointer, damaged: true });
    await this.#openLog();
    return { records, condition: damaged ? "damaged" : "whole", complaints };
  }

  async append(records: readonly Uint8Array[]): Promise<void> {
    if (this.#log === undefined) throw new Error("the store has to be loaded first");
    if (this.#dirty) await this.#log.truncate(this.#logBytes);
    this.#dirty = true;
    const name = logName(this.#pointer.generation);
    const frames = records.map((record, i) => frame(this.#sealer, name, this.#logRecords + i, record));
    const bytes = Buffer.concat(frames);
    await writeAll(this.#log, bytes, this.#logBytes);
    await this.#log.datasync();
    await this.#writeMark(this.#logRecords + records.length);
    this.#logBytes += bytes.length;
    this.#logRecords += records.length;
    this.#dirty = false;
  }

  async replace(snapshot: readonly Uint8Array[]): Promise<void> {
    const before = this.#pointer.generation;
    const generation = Math.max(before, ...(await this.#generations())) + 1;
    await this.#writeSnapshot(generation, snapshot);
    await this.#createLog(generation);
    await this.#log?.close();
    this.#log = undefined;
    await this.#writePointer({ generation, damaged: false });
    this.#logBytes = 0;
    this.#logRecords = 0;
    await this.#openLog();
    await this.#writeMark(0);
    for (const old of await this.#generations()) {
      if (old !== generation && old !== before) await this.#remove(old);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#log?.close();
    await this.#mark?.close();
    this.#log = undefined;
    this.#mark = undefined;
  }

  async #writeMark(records: number): Promise<void> {
    await this.#mark?.write({ generation: this.#pointer.generation, records });
  }

  /** Records of `wanted`, or of the newest earlier generation whose snapshot is whole. */
  async #readNewest(
    wanted: number,
    generations: readonly number[],
    complaints: string[],
  ): Promise<Uint8Array[]> {
    const candidates = [wanted, ...generations.filter((one) => one < wanted).toReversed()];
    for (const generation of candidates) {
      const snapshot = await this.#readSnapshot(generation, complaints);
      if (snapshot === undefined) continue;
      if (generation !== wanted) complaints.push(`generation ${generation} stands in for ${wanted}`);
      const log = await this.#readFile(logName(generation));
      if (log.end === "damaged") complaints.push(`the log of generation ${generation} is damaged`);
      if (log.end === "missing") complaints.push(`the log of generation ${generation} is missing`);
      this.#pointer = { generation, damaged: false };
      this.#logBytes = log.goodBytes;
      this.#logRecords = log.records.length;
      // Behind a torn or damaged record nothing could ever be read again.
      this.#dirty = log.goodBytes < log.bytes;
      return [...snapshot, ...log.records];
    }
    complaints.push("no generation of the state can be read");
    this.#pointer = { generation: Math.max(wanted, ...generations) + 1, damaged: true };
    return [];
  }

  /** Generation 0 has no snapshot: it is what stands before the first one. */
  async #readSnapshot(generation: number, complaints: string[]): Promise<Uint8Array[] | undefined> {
    if (generation === 0) return [];
    const { records, end } = await this.#readFile(snapshotName(generation));
    const last = records.at(-1);
    if (end === "clean" && last !== undefined && END.equals(last)) return records.slice(0, -1);
    complaints.push(`the snapshot of generation ${generation} is damaged`);
    return undefined;
  }

  async #readFile(
    name: string,
  ): Promise<Omit<ReadFrames, "end"> & { end: ReadFrames["end"] | "missing"; bytes: number }> {
    const bytes = await readIfThere(this.#path(name));
    if (bytes === undefined) return { records: [], goodBytes: 0, end: "missing", bytes: 0 };
    return { ...readFrames(this.#sealer, name, bytes), bytes: bytes.length };
  }

  async #writeSnapshot(generation: number, records: readonly Uint8Array[]): Promise<void> {
    const name = snapshotName(generation);
    const temporary = this.#path(`${name}.tmp`);
    const file = await open(temporary, "w", 0o600);
    try {
      let position = 0;
      for (const [n, record] of [...records, END].entries()) {
        const bytes = frame(this.#sealer, name, n, record);
        await writeAll(file, bytes, position);
        position += bytes.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path(name));
  }

  /** An empty log is there before the pointer names it, so that a missing one is damage. */
  async #createLog(generation: number): Promise<void> {
    const log = await open(this.#path(logName(generation)), "w", 0o600);
    await log.sync();
    await log.close();
    await syncFolder(this.#folder);
  }

  /** A missing log was complained about when it was read; here it only has to be there. */
  async #openLog(): Promise<void> {
    const name = logName(this.#pointer.generation);
    if (!(await readdir(this.#folder)).includes(name)) await this.#createLog(this.#pointer.generation);
    const log = await open(this.#path(name), "r+");
    // Who closes the store does not wait for a replacement that is under way.
    if (this.#closed) return log.close();
    this.#log = log;
    this.#mark ??= await openMark(this.#path("state.mark"), this.#sealer);
  }

  async #readPointer(): Promise<Pointer | "none" | "damaged"> {
    const bytes = await readIfThere(this.#path("state.pointer"));
    if (bytes === undefined) return "none";
    const { records, end } = readFrames(this.#sealer, "state.pointer", bytes);
    const [record] = records;
    if (record === undefined || end !== "clean") return "damaged";
    return JSON.parse(Buffer.from(record).toString()) as Pointer;
  }

  async #writePointer(pointer: Pointer): Promise<void> {
    const record = Buffer.from(JSON.stringify(pointer));
    await writeDurably(this.#path("state.pointer"), frame(this.#sealer, "state.pointer", 0, record));
    this.#pointer = pointer;
  }

  /** A log is written to only after the pointer has named it: a later one with something in it is a pointer set back. */
  async #lastWritten(generations: readonly number[]): Promise<number> {
    for (const generation of generations.toReversed()) {
      const size = await sizeOf(this.#path(logName(generation)));
      if (size > 0) return generation;
    }
    return 0;
  }

  /** Generations of which a snapshot or a log lies here, ascending. */
  async #generations(): Promise<number[]> {
    const found = new Set<number>();
    for (const name of await readdir(this.#folder)) {
      const match = /^state-(\d+)\.(?:snapshot|log)$/.exec(name);
      if (match !== null) found.add(Number(match[1]));
    }
    return [...found].sort((a, b) => a - b);
  }

  async #remove(generation: number): Promise<void> {
    await rm(this.#path(snapshotName(generation)), { force: true });
    await rm(this.#path(logName(generation)), { force: true });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

function snapshotName(generation: number): string {
  return `state-${generation}.snapshot`;
}

function logName(generation: number): string {
  return `state-${generation}.log`;
}

/** 0 for a file that is not there. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
