/**
 * The bytes of a file of sealed records. Each is `length (u32) · CRC-32 of length and place (u32) · sealed bytes`; the
 * associated data is the file's name and the record's number, so that none can be moved, swapped or taken from the
 * middle. A tail shorter than its prefix says was never acknowledged; everything else that does not fit is damage.
 */
import { crc32 } from "node:zlib";
import type { Sealer } from "./seal.ts";

const PREFIX_BYTES = 8;

/** A record as it stands in the file `name` at number `n`. */
export function frame(sealer: Sealer, name: string, n: number, record: Uint8Array): Buffer {
  const sealed = sealer.seal(record, place(name, n));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(sealed.length, 0);
  prefix.writeUInt32BE(checksum(sealed.length, n), 4);
  return Buffer.concat([prefix, sealed]);
}

export interface ReadFrames {
  records: Uint8Array[];
  /** Length of the part that is whole: where the next record goes. */
  goodBytes: number;
  /** Why reading ended: at the end, in a record that was never finished, or at something that was changed. */
  end: "clean" | "torn" | "damaged";
}

/** Every record up to the first that does not verify. */
export function readFrames(sealer: Sealer, name: string, bytes: Buffer): ReadFrames {
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at + PREFIX_BYTES;
    if (start > bytes.length) return { records, goodBytes: at, end: "torn" };
    const length = bytes.readUInt32BE(at);
    if (bytes.readUInt32BE(at + 4) !== checksum(length, records.length)) {
      return { records, goodBytes: at, end: "damaged" };
    }
    if (start + length > bytes.length) return { records, goodBytes: at, end: "torn" };
    const record = sealer.open(bytes.subarray(start, start + length), place(name, records.length));
    if (record === undefined) return { records, goodBytes: at, end: "damaged" };
    records.push(record);
    at = start + length;
  }
  return { records, goodBytes: at, end: "clean" };
}

function place(name: string, n: number): string {
  return `${name}|${n}`;
}

function checksum(length: number, n: number): number {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt32BE(n, 4);
  return crc32(bytes);
}
