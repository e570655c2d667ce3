/**
 * How far the state's log was ever written, beside the log, so that a log which was cut between two records is seen to
 * be shorter. The bargain: the mark is never ahead of what the log holds for certain, so no kill and no power cut makes it
 * say more; it is not synced, because one that says less only sees less.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { readIfThere } from "./durable-file.ts";
import type { Sealer } from "./seal.ts";
import { frame, readFrames } from "./sealed-log.ts";

const NAME = "state.mark";
const BYTES = 16;

/** So many records of that generation's log were on disk. */
export interface Mark {
  readonly generation: number;
  readonly records: number;
}

export interface MarkFile {
  /** Rejects when it could not be written: then what it would have said must not be acknowledged. */
  write(mark: Mark): Promise<void>;
  close(): Promise<void>;
}

/** Opens the mark at `path`, or makes it. */
export async function openMark(path: string, sealer: Sealer): Promise<MarkFile> {
  const file: FileHandle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  return {
    async write({ generation, records }) {
      const record = Buffer.alloc(BYTES);
      record.writeBigUInt64BE(BigInt(generation), 0);
      record.writeBigUInt64BE(BigInt(records), 8);
      // Always as long, in one piece at one place: a killed process leaves the old one or the new one.
      const bytes = frame(sealer, NAME, 0, record);
      const { bytesWritten } = await file.write(bytes, 0, bytes.length, 0);
      if (bytesWritten !== bytes.length) throw new Error("the mark of the state was written in part");
    },
    close: () => file.close(),
  };
}

/** What the mark says, or in what way there is none. */
export async function readMark(path: string, sealer: Sealer): Promise<Mark | "missing" | "damaged"> {
  const bytes = await readIfThere(path);
  if (bytes === undefined) return "missing";
  const { records, end } = readFrames(sealer, NAME, bytes);
  const [record] = records;
  if (record?.length !== BYTES || end !== "clean") return "damaged";
  const fields = Buffer.from(record);
  return { generation: Number(fields.readBigUInt64BE(0)), records: Number(fields.readBigUInt64BE(8)) };
}

/** Whether a log with these records is shorter than it once was. */
export function isShorter(held: Mark, mark: Mark): boolean {
  return (
    mark.generation > held.generation || (mark.generation === held.generation && mark.records > held.records)
  );
}
