/**
 * A million API keys in the memory of one process. The bargain: what keys have alike is held once, a record is put
 * together when somebody looks at it, and a key that is in use stays the same object until it is changed.
 */
import type { KeyHash, KeyRecord } from "../wire/record.ts";
import { Recent } from "./recent.ts";

/** What many keys have alike. */
type Terms = Omit<KeyRecord, "id" | "hashes" | "expiresAtMs" | "budgetId" | "metadata">;

/** A key without what others have as well. */
interface Held {
  readonly id: string;
  readonly terms: Terms;
  /** The hash alone where it is the only one, of the present generation and without an end: almost everywhere. */
  readonly hashes: string | readonly KeyHash[];
  readonly expiresAtMs: number | null;
  readonly budgetId: string | null;
  readonly metadata: KeyRecord["metadata"];
}

/** Kinds of terms that are looked for; of more, keys share less. */
const TERMS = 4_096;
/** Records that stay put together. */
const RECORDS = 256;

const NO_METADATA: KeyRecord["metadata"] = {};

/** Keys by id and by hash. What is put in and what comes out are equal, not identical. */
export class HeldKeys {
  readonly #byId = new Map<string, Held>();
  /** For every hash of every key held, tombstones included. */
  readonly #byHash = new Map<string, Held>();
  readonly #terms = new Recent<Terms>(TERMS);
  readonly #records = new Recent<KeyRecord>(RECORDS);

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): KeyRecord | undefined {
    const held = this.#byId.get(id);
    return held && this.#recordOf(held);
  }

  /** The key that the hash belongs or once belonged to. */
  byHash(hash: string): KeyRecord | undefined {
    const held = this.#byHash.get(hash);
    return held && this.#recordOf(held);
  }

  /** Replaces the key of that id, and with it where its hashes lead. */
  set(record: KeyRecord): void {
    const before = this.#byId.get(record.id);
    if (before !== undefined) {
      this.#records.delete(before.id);
      for (const hash of hashesOf(before)) {
        if (this.#byHash.get(hash)?.id === before.id) this.#byHash.delete(hash);
      }
    }
    const held = this.#pack(record);
    this.#byId.set(held.id, held);
    for (const hash of hashesOf(held)) this.#byHash.set(hash, held);
  }

  /** All of them, each put together for whoever asks. */
  *values(): IterableIterator<KeyRecord> {
    for (const held of this.#byId.values()) yield unpack(held);
  }

  #recordOf(held: Held): KeyRecord {
    let record = this.#records.get(held.id);
    if (record === undefined) {
      record = unpack(held);
      this.#records.set(held.id, record);
    }
    return record;
  }

  #pack({ id, hashes, expiresAtMs, budgetId, metadata, ...terms }: KeyRecord): Held {
    const [first] = hashes;
    const usual = hashes.length === 1 && first?.generation === terms.generation && first.notAfterMs === null;
    return {
      id,
      terms: this.#shared(terms),
      hashes: usual ? first.hash : hashes,
      expiresAtMs,
      budgetId,
      metadata: Object.keys(metadata).length === 0 ? NO_METADATA : metadata,
    };
  }

  #shared(terms: Terms): Terms {
    const text = JSON.stringify(terms);
    const known = this.#terms.get(text);
    if (known !== undefined) return known;
    this.#terms.set(text, terms);
    return terms;
  }
}

function hashesOf({ hashes }: Held): string[] {
  return typeof hashes === "string" ? [hashes] : hashes.map(({ hash }) => hash);
}

function unpack({ id, terms, hashes, expiresAtMs, budgetId, metadata }: Held): KeyRecord {
  const { generation } = terms;
  return {
    id,
    projectId: terms.projectId,
    kind: terms.kind,
    generation,
    hashes: typeof hashes === "string" ? [{ hash: hashes, generation, notAfterMs: null }] : [...hashes],
    status: terms.status,
    expiresAtMs,
    maxStalenessSeconds: terms.maxStalenessSeconds,
    requestsPerMinute: terms.requestsPerMinute,
    tokensPerMinute: terms.tokensPerMinute,
    maxConcurrency: terms.maxConcurrency,
    budgetId,
    allowedProviders: terms.allowedProviders,
    allowedModels: terms.allowedModels,
    ipAllowlist: terms.ipAllowlist,
    gatewayIds: terms.gatewayIds,
    mcp: terms.mcp,
    metadata,
  };
}
