/**
 * Keys that are like most keys, as rows of numbers: one hash, of the present generation and without an end, and names of
 * the usual form. What a key has of its own beside them stands with its terms.
 */
import type { KeyRecord } from "../wire/record.ts";
import { HASH_COLUMNS, ID_COLUMNS, packHash, packId, unpackHash, unpackId } from "./packed-name.ts";
import { COLUMNS, PackedRows, RowIndex } from "./packed-rows.ts";

/** What many keys have alike. */
export type Terms = Omit<KeyRecord, "id" | "hashes" | "expiresAtMs" | "budgetId" | "metadata">;

/** What a key has of its own. */
export type Own = Pick<KeyRecord, "expiresAtMs" | "budgetId" | "metadata">;

/** Terms that some keys have, at their place; what no key has any more leaves its place to others. */
export interface HeldTerms {
  readonly terms: Terms;
  place: number;
  keys: number;
}

const NOTHING: Own = { expiresAtMs: null, budgetId: null, metadata: {} };
const HASH_END = HASH_COLUMNS;
const ID_END = HASH_COLUMNS + ID_COLUMNS;
/** The place of its terms, counted from 1; of a row that no key has: 0. */
const TERMS = ID_END;
/** 1 when it has something of its own. */
const HAS_OWN = ID_END + 1;

/** Rows are told by their number, which is given again after a `remove`. */
export class PackedKeys {
  readonly #rows = new PackedRows();
  readonly #byHash = new RowIndex(this.#rows, 0, HASH_END);
  readonly #byId = new RowIndex(this.#rows, HASH_END, ID_END);
  readonly #terms: (HeldTerms | undefined)[] = [];
  readonly #freePlaces: number[] = [];
  readonly #own = new Map<number, Own>();
  readonly #columns = new Int32Array(COLUMNS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** −1 when there is none. */
  findId(id: string): number {
    return packId(id, this.#columns, HASH_END) ? this.#byId.find(this.#columns) : -1;
  }

  findHash(hash: string): number {
    return packHash(hash, this.#columns, 0) ? this.#byHash.find(this.#columns) : -1;
  }

  /** Adds a key whose id and hash no row has; −1 when it is not like most. */
  add(id: string, hash: string, terms: HeldTerms, own: Own): number {
    const columns = this.#columns;
    if (!packHash(hash, columns, 0) || !packId(id, columns, HASH_END)) return -1;
    const plain = own.expiresAtMs === null && own.budgetId === null && Object.keys(own.metadata).length === 0;
    columns[TERMS] = this.#use(terms) + 1;
    columns[HAS_OWN] = plain ? 0 : 1;
    const row = this.#rows.add(columns);
    this.#byHash.add(row, columns);
    this.#byId.add(row, columns);
    if (!plain) this.#own.set(row, own);
    this.#size++;
    return row;
  }

  remove(row: number): void {
    const columns = this.#columns;
    for (let i = 0; i < COLUMNS; i++) columns[i] = this.#rows.at(row, i);
    this.#byHash.remove(row, columns);
    this.#byId.remove(row, columns);
    this.#rows.remove(row);
    this.#own.delete(row);
    this.#unuse((columns[TERMS] as number) - 1);
    this.#size--;
  }

  /** The hash, where it is known already, spares its making. */
  recordOf(row: number, knownHash?: string): KeyRecord {
    const terms = this.#terms[this.#rows.at(row, TERMS) - 1]?.terms;
    const own = this.#rows.at(row, HAS_OWN) === 0 ? NOTHING : this.#own.get(row);
    if (terms === undefined || own === undefined) throw new Error("there is no such row");
    const hash = knownHash ?? unpackHash((column) => this.#rows.at(row, column));
    const id = unpackId(
      this.#rows.at(row, HASH_END),
      this.#rows.at(row, HASH_END + 1),
      this.#rows.at(row, HASH_END + 2),
    );
    return buildRecord(id, [{ hash, generation: terms.generation, notAfterMs: null }], terms, own);
  }

  *values(): IterableIterator<KeyRecord> {
    for (let row = 0; row < this.#rows.end; row++) {
      if (this.#rows.at(row, TERMS) !== 0) yield this.recordOf(row);
    }
  }

  #use(held: HeldTerms): number {
    if (held.keys++ === 0) {
      held.place = this.#freePlaces.pop() ?? this.#terms.length;
      this.#terms[held.place] = held;
    }
    return held.place;
  }

  #unuse(place: number): void {
    const held = this.#terms[place];
    if (held === undefined || --held.keys > 0) return;
    this.#terms[place] = undefined;
    this.#freePlaces.push(place);
  }
}

/** Always in the same order of members, so that all records have one shape. */
export function buildRecord(id: string, hashes: KeyRecord["hashes"], terms: Terms, own: Own): KeyRecord {
  return {
    id,
    projectId: terms.projectId,
    kind: terms.kind,
    generation: terms.generation,
    hashes,
    status: terms.status,
    expiresAtMs: own.expiresAtMs,
    maxStalenessSeconds: terms.maxStalenessSeconds,
    requestsPerMinute: terms.requestsPerMinute,
    tokensPerMinute: terms.tokensPerMinute,
    maxConcurrency: terms.maxConcurrency,
    toolCallsPerMinute: terms.toolCallsPerMinute,
    budgetId: own.budgetId,
    allowedProviders: terms.allowedProviders,
    allowedModels: terms.allowedModels,
    ipAllowlist: terms.ipAllowlist,
    gatewayIds: terms.gatewayIds,
    mcp: terms.mcp,
    metadata: own.metadata,
  };
}
