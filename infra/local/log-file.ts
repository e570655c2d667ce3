/** Log files of children: rotated when the stack starts, read when a child fails. */
import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync } from "node:fs";

const KEEP = 3;
const TAIL_BYTES = 64 * 1024;

/** `x.log` becomes `x.log.1`, that one `x.log.2`; older ones are overwritten. */
export function rotateLog(file: string): void {
  for (let n = KEEP - 1; n >= 0; n--) {
    const from = n === 0 ? file : `${file}.${n}`;
    if (existsSync(from)) renameSync(from, `${file}.${n + 1}`);
  }
}

/** The last lines of a file, at most 64 KiB of it; empty when it does not exist. */
export function readLogTail(file: string, lines: number): string {
  if (!existsSync(file)) return "";
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const length = Math.min(size, TAIL_BYTES);
    const buffer = Buffer.alloc(length);
    const read = readSync(descriptor, buffer, 0, length, size - length);
    return buffer.subarray(0, read).toString("utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } finally {
    closeSync(descriptor);
  }
}
