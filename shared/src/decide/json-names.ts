/** The member names of the objects that are open at a moment, to find one that comes twice in its object. */
import { hashPlain, hashText, readText } from "./json-text.ts";

/** From so many members on, an object's names go into a set: a row of comparisons would be quadratic. */
const MANY = 24;

export class OpenNames {
  private readonly bytes: Uint8Array;
  /** Hash, start and end of each name, object after object. */
  private readonly row: number[] = [];
  private top = 0;
  private readonly sets = new Map<number, Set<string>>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Begins an object; the answer names it. */
  open(): number {
    return this.top;
  }

  /** Ends the object that was opened last. */
  close(object: number): void {
    this.top = object;
    if (this.sets.size > 0) this.sets.delete(object);
  }

  /** Adds a name, given by the bytes between its quotes; false when the object has it already. */
  add(object: number, start: number, end: number): boolean {
    if (this.top - object >= MANY * 3) return this.addToSet(object, start, end);
    let hash = hashPlain(this.bytes, start, end);
    if (hash < 0) hash = hashText(readText(this.bytes, start, end));
    for (let i = object; i < this.top; i += 3) {
      if (this.row[i] === hash && this.isSame(i, start, end)) return false;
    }
    this.row[this.top] = hash;
    this.row[this.top + 1] = start;
    this.row[this.top + 2] = end;
    this.top += 3;
    return true;
  }

  private isSame(at: number, start: number, end: number): boolean {
    return this.textAt(at) === readText(this.bytes, start, end);
  }

  private textAt(at: number): string {
    return readText(this.bytes, this.row[at + 1] as number, this.row[at + 2] as number);
  }

  private addToSet(object: number, start: number, end: number): boolean {
    let set = this.sets.get(object);
    if (set === undefined) {
      set = new Set();
      for (let i = object; i < this.top; i += 3) set.add(this.textAt(i));
      this.sets.set(object, set);
    }
    const name = readText(this.bytes, start, end);
    if (set.has(name)) return false;
    set.add(name);
    return true;
  }
}
