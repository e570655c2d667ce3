/**
 * The member names of the objects that are open at a moment, to find one that comes twice in its object. No name is
 * ever built as a text, and whatever the names are, each is compared with `ALIKE_MAX` others at most.
 */
import { hashText, isSameText } from "./json-text.ts";

/** More members than any request has; what is kept per member stays bounded by it. */
export const MEMBERS_MAX = 10_000;
/** From so many members on, an object's hashes go into a map: a row of comparisons would be quadratic. */
const MANY = 24;
/** Different names of one object with the same hash. Chance does not make so many: they were looked for. */
const ALIKE_MAX = 4;
/** Hash, start and end of a name, and where the last one before it in the same object with its hash stands. */
const WIDTH = 4;

export type Added = "new" | "duplicate" | "too_many";

export class OpenNames {
  private readonly bytes: Uint8Array;
  /** Object after object, `WIDTH` numbers for each name. */
  private readonly row: number[] = [];
  private top = 0;
  /** By object: where the last name with that hash stands. */
  private readonly maps = new Map<number, Map<number, number>>();

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
    if (this.maps.size > 0) this.maps.delete(object);
  }

  /** Adds a name, given by the bytes between its quotes. */
  add(object: number, start: number, end: number): Added {
    const { bytes, row, top } = this;
    if (top - object >= MEMBERS_MAX * WIDTH) return "too_many";
    const hash = hashText(bytes, start, end);
    const map = top - object < MANY * WIDTH ? undefined : this.mapOf(object);
    const last = map === undefined ? this.lastInRow(object, hash) : (map.get(hash) ?? -1);
    let alike = 0;
    for (let at = last; at >= 0; at = row[at + 3] as number) {
      if (isSameText(bytes, row[at + 1] as number, row[at + 2] as number, start, end)) return "duplicate";
      if (++alike === ALIKE_MAX) return "too_many";
    }
    row[top] = hash;
    row[top + 1] = start;
    row[top + 2] = end;
    row[top + 3] = last;
    map?.set(hash, top);
    this.top += WIDTH;
    return "new";
  }

  private lastInRow(object: number, hash: number): number {
    for (let at = this.top - WIDTH; at >= object; at -= WIDTH) if (this.row[at] === hash) return at;
    return -1;
  }

  private mapOf(object: number): Map<number, number> {
    let map = this.maps.get(object);
    if (map === undefined) {
      map = new Map();
      for (let at = object; at < this.top; at += WIDTH) map.set(this.row[at] as number, at);
      this.maps.set(object, map);
    }
    return map;
  }
}
