/**
 * A million API keys in the memory of one process. The bargain: what keys have alike is held once, a record is put
 * together when somebody looks at it, and a key that is in use stays the same object until it is changed. Keys that are
 * like most are rows of numbers (`packed-keys.ts`); the others are objects.
 */
import type { KeyHash, KeyRecord } from "../wire/record.ts";
import { buildRecord, type HeldTerms, type Own, PackedKeys, type Terms } from "./packed-keys.ts";
import { Recent } from "./recent.ts";

/** A key that is not like most. */
interface Odd {
  readonly id: string;
  readonly terms: Terms;
  readonly hashes: readonly KeyHash[];
  readonly own: Own;
}

/** Kinds of terms that are looked for; of more, keys share less. */
const TERMS = 4_096;
/** Records that stay put together. */
const RECORDS = 256;

/** Keys by id and by hash. What is put in and what comes out are equal, not identical, and in no order. */
export class HeldKeys {
  readonly #packed = new PackedKeys();
  readonly #odd = new Map<string, Odd>();
  /** For every hash of every odd key, tombstones included. */
  readonly #oddByHash = new Map<string, Odd>();
  readonly #terms = new Recent<string, HeldTerms>(TERMS);
  readonly #records = new Recent<number | string, KeyRecord>(RECORDS);

  get size(): number {
    return this.#packed.size + this.#odd.size;
  }

  get(id: string): KeyRecord | undefined {
    const row = this.#packed.findId(id);
    if (row >= 0) return this.#rowRecord(row, undefined);
    const odd = this.#odd.get(id);
    return odd && this.#oddRecord(odd);
  }

  /** The key that the hash belongs or once belonged to. */
  byHash(hash: string): KeyRecord | undefined {
    const row = this.#packed.findHash(hash);
    if (row >= 0) return this.#rowRecord(row, hash);
    const odd = this.#oddByHash.get(hash);
    return odd && this.#oddRecord(odd);
  }

  /** Replaces the key of that id, and with it where its hashes lead. */
  set(record: KeyRecord): void {
    this.#remove(record.id);
    const { id, hashes, expiresAtMs, budgetId, metadata, ...rest } = record;
    const terms = this.#shared(rest);
    const own = { expiresAtMs, budgetId, metadata };
    for (const { hash } of hashes) this.#disown(hash);
    const [first] = hashes;
    const usual = hashes.length === 1 && first?.generation === rest.generation && first.notAfterMs === null;
    if (usual && this.#packed.add(id, first.hash, terms, own) >= 0) return;
    this.#setOdd({ id, terms: terms.terms, hashes: [...hashes], own });
  }

  /** All of them, each put together for whoever asks. */
  *values(): IterableIterator<KeyRecord> {
    yield* this.#packed.values();
    for (const odd of this.#odd.values()) yield unpack(odd);
  }

  #setOdd(odd: Odd): void {
    this.#odd.set(odd.id, odd);
    for (const { hash } of odd.hashes) this.#oddByHash.set(hash, odd);
  }

  #remove(id: string): void {
    const row = this.#packed.findId(id);
    if (row >= 0) {
      this.#records.delete(row);
      return this.#packed.remove(row);
    }
    const odd = this.#odd.get(id);
    if (odd === undefined) return;
    this.#records.delete(id);
    this.#odd.delete(id);
    for (const { hash } of odd.hashes) if (this.#oddByHash.get(hash) === odd) this.#oddByHash.delete(hash);
  }

  /** A hash that another key had leads to whoever has it last; that key stays, and is found by its id. */
  #disown(hash: string): void {
    const row = this.#packed.findHash(hash);
    if (row >= 0) this.#makeOdd(row);
    this.#oddByHash.delete(hash);
  }

  #makeOdd(row: number): void {
    const { id, hashes, expiresAtMs, budgetId, metadata, ...rest } = this.#packed.recordOf(row);
    this.#records.delete(row);
    this.#packed.remove(row);
    this.#setOdd({ id, terms: this.#shared(rest).terms, hashes, own: { expiresAtMs, budgetId, metadata } });
  }

  #rowRecord(row: number, hash: string | undefined): KeyRecord {
    let record = this.#records.get(row);
    if (record === undefined) {
      record = this.#packed.recordOf(row, hash);
      this.#records.set(row, record);
    }
    return record;
  }

  #oddRecord(odd: Odd): KeyRecord {
    let record = this.#records.get(odd.id);
    if (record === undefined) {
      record = unpack(odd);
      this.#records.set(odd.id, record);
    }
    return record;
  }

  #shared(terms: Terms): HeldTerms {
    const text = JSON.stringify(terms);
    const known = this.#terms.get(text);
    if (known !== undefined) return known;
    const held = { terms, place: -1, keys: 0 };
    this.#terms.set(text, held);
    return held;
  }
}

function unpack({ id, terms, hashes, own }: Odd): KeyRecord {
  return buildRecord(id, [...hashes], terms, own);
}
