/**
 * `OpenJournal` on Node: one unsynced append for all requests of an event-loop turn. What was written survives the end of
 * the process; a power cut may lose the last moments of requests of keys without a budget.
 *
 * The journal is a row of files. A file is deleted when nothing in it is open any more and no older file is left, so that
 * a settlement is never forgotten before what it settles.
 */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { attemptIdOf } from "../../attempt-id.ts";
import type { OpenJournal, OpenRecord } from "../../ports.ts";

const FILE_BYTES_MAX = 4 * 1024 * 1024;
const FILE_NAME = /^open-(\d{9})\.jsonl$/;

interface JournalFile {
  readonly path: string;
  open: number;
}

/** Opens the journal in `folder`; what the last process left open are the orphans. */
export async function openOpenJournal(folder: string, fileBytesMax = FILE_BYTES_MAX): Promise<OpenJournal> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const names = readdirSync(folder)
    .filter((name) => FILE_NAME.test(name))
    .sort();
  const files: JournalFile[] = [];
  const orphans = new Map<string, { record: OpenRecord; file: JournalFile }>();
  for (const name of names) {
    const file = { path: join(folder, name), open: 0 };
    files.push(file);
    readFile(file, orphans);
  }
  const number = Number(FILE_NAME.exec(names.at(-1) ?? "")?.[1] ?? 0);
  return new Journal(folder, number, files, orphans, fileBytesMax);
}

/** A line that cannot be read was being written when the process ended: its request was never forwarded. */
function readFile(file: JournalFile, open: Map<string, { record: OpenRecord; file: JournalFile }>): void {
  for (const line of readFileSync(file.path, "utf8").split("\n")) {
    const entry = parse(line);
    if (entry === undefined) continue;
    if (typeof entry === "string") {
      const settled = open.get(entry);
      if (settled !== undefined) settled.file.open--;
      open.delete(entry);
    } else {
      const before = open.get(attemptIdOf(entry));
      if (before !== undefined) before.file.open--;
      file.open++;
      open.set(attemptIdOf(entry), { record: entry, file });
    }
  }
}

function parse(line: string): OpenRecord | string | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === "string") return entry;
    const isRecord = typeof (entry as Partial<OpenRecord> | null)?.requestId === "string";
    return isRecord ? (entry as OpenRecord) : undefined;
  } catch {
    return undefined;
  }
}

function idOf(entry: OpenRecord | string): string {
  return typeof entry === "string" ? entry : attemptIdOf(entry);
}

class Journal implements OpenJournal {
  readonly #folder: string;
  readonly #fileBytesMax: number;
  readonly #files: JournalFile[];
  readonly #orphans: readonly OpenRecord[];
  readonly #open = new Map<string, JournalFile>();
  #number: number;
  #fd: number;
  /** Length of the file that is written to. */
  #written = 0;
  /**
   * Gathered in this turn, in order, for an attempt that was withdrawn may be opened again: records, and ids of settled
   * attempts. Those are kept until they are written, since their records are.
   */
  #gathered: (OpenRecord | string)[] = [];
  /** Whether the file ends in the middle of a line. */
  #torn = false;
  #turn: Promise<void> | undefined;
  #closed = false;

  constructor(
    folder: string,
    number: number,
    files: JournalFile[],
    orphans: ReadonlyMap<string, { record: OpenRecord; file: JournalFile }>,
    fileBytesMax: number,
  ) {
    this.#folder = folder;
    this.#fileBytesMax = fileBytesMax;
    this.#number = number;
    this.#files = files;
    this.#orphans = [...orphans.values()].map(({ record }) => record);
    for (const [id, { file }] of orphans) this.#open.set(id, file);
    this.#fd = this.#openNext();
    this.#tidy();
  }

  open(record: OpenRecord): Promise<void> {
    const file = this.#files.at(-1);
    if (this.#closed || file === undefined) return Promise.reject(new Error("the open journal is closed"));
    this.#gathered.push(record);
    this.#forget(attemptIdOf(record));
    this.#open.set(attemptIdOf(record), file);
    file.open++;
    return this.#writeAtTurnsEnd();
  }

  settle(attemptId: string): void {
    const file = this.#open.get(attemptId);
    if (file === undefined || this.#closed) return;
    this.#forget(attemptId);
    this.#gathered.push(attemptId);
    // A mark that cannot be written goes with the next write; one that never is costs a look-up at the next start. A
    // turn that there is already has somebody who hears of its failure.
    if (this.#turn === undefined) this.#writeAtTurnsEnd().catch(() => undefined);
  }

  async orphans(): Promise<readonly OpenRecord[]> {
    return this.#orphans;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#gathered.length > 0) this.#writeAtTurnsEnd().catch(() => undefined);
    await this.#turn?.catch(() => undefined);
    this.#closed = true;
    closeSync(this.#fd);
  }

  #forget(attemptId: string): void {
    const file = this.#open.get(attemptId);
    if (file === undefined) return;
    this.#open.delete(attemptId);
    file.open--;
  }

  #writeAtTurnsEnd(): Promise<void> {
    this.#turn ??= new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.#turn = undefined;
        try {
          this.#writeGathered();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
    return this.#turn;
  }

  /** Writes what was gathered. A record that could not be written is nowhere, as if it had never been asked for. */
  #writeGathered(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    let lines = "";
    for (const entry of gathered) lines += `${JSON.stringify(entry)}\n`;
    try {
      this.#write(Buffer.from(this.#torn ? `\n${lines}` : lines));
    } catch (error) {
      for (const entry of gathered) {
        if (typeof entry !== "string") this.#forget(idOf(entry));
        // Where the file could not be cut back, a record may stand in it: then it needs its mark.
        if (typeof entry === "string" || this.#torn) this.#gathered.push(idOf(entry));
      }
      throw error;
    }
    this.#torn = false;
    if (this.#written >= this.#fileBytesMax) this.#rotate();
  }

  #write(bytes: Buffer): void {
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(this.#fd, bytes, done);
      this.#written += done;
    } catch (error) {
      if (done > 0) this.#cutBack(done);
      throw error;
    }
  }

  #cutBack(done: number): void {
    try {
      ftruncateSync(this.#fd, this.#written);
    } catch {
      // Whatever comes next begins on a line of its own.
      this.#torn = true;
      this.#written += done;
    }
  }

  #rotate(): void {
    const full = this.#fd;
    try {
      this.#fd = this.#openNext();
    } catch {
      // Everything is written: the full file takes more until there is a next one.
      return;
    }
    closeSync(full);
    this.#tidy();
  }

  /** Changes nothing when it throws. */
  #openNext(): number {
    const number = this.#number + 1;
    const path = join(this.#folder, `open-${String(number).padStart(9, "0")}.jsonl`);
    const fd = openSync(path, "a", 0o600);
    this.#number = number;
    this.#files.push({ path, open: 0 });
    this.#written = 0;
    return fd;
  }

  #tidy(): void {
    for (;;) {
      const [oldest] = this.#files;
      if (oldest === undefined || oldest.open > 0 || this.#files.length === 1) return;
      unlinkSync(oldest.path);
      this.#files.shift();
    }
  }
}
