/**
 * Rows of numbers, and indexes over some of the columns. A row is one cache line, an index has four bytes of
 * a row: to find one among a million costs two reads from far away, and nothing of it is ever looked at by a garbage
 * collection.
 */

/** Sixteen numbers are 64 bytes. */
export const COLUMNS = 16;
const STRIDE_BITS = 4;
const ROWS_MIN = 16;

export class PackedRows {
  #data = new Int32Array(ROWS_MIN << STRIDE_BITS);
  readonly #free: number[] = [];
  #end = 0;

  /** One more than the highest number that a row has had. */
  get end(): number {
    return this.#end;
  }

  /** Takes the numbers in; the row's own number. */
  add(columns: Int32Array): number {
    const row = this.#free.pop() ?? this.#end++;
    if (row << STRIDE_BITS === this.#data.length) {
      const larger = new Int32Array(this.#data.length * 2);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data.set(columns, row << STRIDE_BITS);
    return row;
  }

  /** Its number may be given again. */
  remove(row: number): void {
    this.#data.fill(0, row << STRIDE_BITS, (row + 1) << STRIDE_BITS);
    this.#free.push(row);
  }

  at(row: number, column: number): number {
    return this.#data[(row << STRIDE_BITS) + column] as number;
  }

  /** All of the columns are looked at, wherever they differ. */
  has(row: number, columns: Int32Array, from: number, to: number): boolean {
    const data = this.#data;
    const at = row << STRIDE_BITS;
    let difference = 0;
    for (let i = from; i < to; i++) difference |= (data[at + i] as number) ^ (columns[i] as number);
    return difference === 0;
  }
}

const EMPTY = 0;
const SLOTS_MIN = 32;

/** Rows by the columns from `from` to before `to`: open addressing, at most half full. */
export class RowIndex {
  readonly #rows: PackedRows;
  readonly #from: number;
  readonly #to: number;
  /**
   * Numbers of rows, counted from 1, in as many bits as number the slots; in the others what the name is mixed to, so that a
   * row which is not meant is mostly told without a look at it, which would be a read from far away.
   */
  #slots = new Int32Array(SLOTS_MIN);
  #count = 0;

  constructor(rows: PackedRows, from: number, to: number) {
    this.#rows = rows;
    this.#from = from;
    this.#to = to;
  }

  /** The row that has these columns; −1 when there is none. */
  find(columns: Int32Array): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const mixed = this.#mixedOf(columns);
    for (let slot = mixed & mask; ; slot = (slot + 1) & mask) {
      const held = slots[slot] as number;
      if (held === EMPTY) return -1;
      if (((held ^ mixed) & ~mask) !== 0) continue;
      const row = (held & mask) - 1;
      if (this.#rows.has(row, columns, this.#from, this.#to)) return row;
    }
  }

  /** Adds a row whose columns no other row of the index has. */
  add(row: number, columns: Int32Array): void {
    this.#count++;
    while (this.#count * 2 > this.#slots.length || row + 1 >= this.#slots.length) this.#grow();
    this.#put(row, this.#mixedOf(columns));
  }

  /** Takes a row out, with these columns; others close up, so that every one is found from its home on. */
  remove(row: number, columns: Int32Array): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#mixedOf(columns) & mask;
    while (((slots[hole] as number) & mask) !== row + 1) {
      if (slots[hole] === EMPTY) return;
      hole = (hole + 1) & mask;
    }
    this.#count--;
    for (let slot = (hole + 1) & mask; slots[slot] !== EMPTY; slot = (slot + 1) & mask) {
      const home = this.#mixedOfRow(((slots[slot] as number) & mask) - 1) & mask;
      // It may only go back as far as its home.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot] as number;
      hole = slot;
    }
    slots[hole] = EMPTY;
  }

  #put(row: number, mixed: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = mixed & mask;
    while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    slots[slot] = (mixed & ~mask) | (row + 1);
  }

  #grow(): void {
    const before = this.#slots;
    const mask = before.length - 1;
    this.#slots = new Int32Array(before.length * 2);
    for (const held of before) {
      const row = (held & mask) - 1;
      if (held !== EMPTY) this.#put(row, this.#mixedOfRow(row));
    }
  }

  #mixedOf(columns: Int32Array): number {
    return mix(
      columns[this.#from] as number,
      columns[this.#from + 1] as number,
      columns[this.#to - 1] as number,
    );
  }

  #mixedOfRow(row: number): number {
    const rows = this.#rows;
    return mix(rows.at(row, this.#from), rows.at(row, this.#from + 1), rows.at(row, this.#to - 1));
  }
}

function mix(a: number, b: number, c: number): number {
  let mixed = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
