/**
 * An organization's records as one replica holds them. The bargain: one owner writes, deciding looks through
 * `TableView`, and a key's (generation, status) never moves down, whatever arrives in whatever order (I3).
 */
import type { ModelFacts, TableView } from "../decide/view.ts";
import type {
  AliasRecord,
  Change,
  DeniedTokenRecord,
  KeyHash,
  KeyRecord,
  McpServerRecord,
  PolicyRecord,
  ProjectRecord,
  ProviderRecord,
  SecretRecord,
} from "../wire/record.ts";
import { foldKey, isDead } from "./fold-key.ts";
import { HeldKeys } from "./held-keys.ts";
import { HeldMcpServers } from "./mcp-table.ts";
import { HeldAliases, HeldModels } from "./model-table.ts";

const NOTHING: readonly ProviderRecord[] = [];

/** Mutable; a million keys fit (`held-keys.ts`). Only its owner calls anything that is not of `TableView`. */
export class Table implements TableView {
  configured = false;
  epoch = 0;
  rev = 0;
  readonly #keys = new HeldKeys();
  /** Keys, LLM keys and tokens that are out of use by this replica's caution and not by their owner's word. */
  readonly #closed = new Set<string>();
  /** How many active keys have each `maxStalenessSeconds`. */
  readonly #activeByStaleness = new Map<number, number>();
  readonly #projects = new Map<string, ProjectRecord>();
  readonly #providers = new Map<string, ProviderRecord>();
  readonly #providersOf = new Map<string, readonly ProviderRecord[]>();
  readonly #secrets = new Map<string, SecretRecord>();
  readonly #denied = new Map<string, DeniedTokenRecord>();
  readonly #models = new HeldModels();
  readonly #aliases = new HeldAliases();
  readonly mcp = new HeldMcpServers();
  #policy: PolicyRecord | undefined;

  byHash(hash: string): { key: KeyRecord; hash: KeyHash } | undefined {
    const key = this.#keys.byHash(hash);
    const entry = key?.hashes.find((one) => one.hash === hash);
    return key === undefined || entry === undefined ? undefined : { key, hash: entry };
  }

  key(id: string): KeyRecord | undefined {
    return this.#keys.get(id);
  }

  closed(keyId: string): boolean {
    return this.#closed.has(keyId);
  }

  keys(): IterableIterator<KeyRecord> {
    return this.#keys.values();
  }

  get keyCount(): number {
    return this.#keys.size;
  }

  providers(): IterableIterator<ProviderRecord> {
    return this.#providers.values();
  }

  projects(): IterableIterator<ProjectRecord> {
    return this.#projects.values();
  }

  /** The largest `maxStalenessSeconds` of an active key: past it nothing is admitted. undefined without such a key. */
  longestStalenessSeconds(): number | undefined {
    let longest: number | undefined;
    for (const seconds of this.#activeByStaleness.keys()) longest = Math.max(longest ?? 0, seconds);
    return longest;
  }

  project(id: string): ProjectRecord | undefined {
    return this.#projects.get(id);
  }

  denials(): IterableIterator<DeniedTokenRecord> {
    return this.#denied.values();
  }

  denied(tokenId: string): boolean {
    return this.#denied.has(tokenId);
  }

  policy(): PolicyRecord | undefined {
    return this.#policy;
  }

  provider(id: string): ProviderRecord | undefined {
    return this.#providers.get(id);
  }

  providersOf(projectId: string): readonly ProviderRecord[] {
    return this.#providersOf.get(projectId) ?? NOTHING;
  }

  priceOf(provider: string, model: string): ModelFacts | undefined {
    return this.#models.get(provider, model);
  }

  alias(projectId: string, name: string): AliasRecord | undefined {
    return this.#aliases.get(projectId, name);
  }

  aliasesOf(projectId: string): readonly AliasRecord[] {
    return this.#aliases.of(projectId);
  }

  secret(id: string): SecretRecord | undefined {
    return this.#secrets.get(id);
  }

  /** Takes one change in; keys are folded, everything else is replaced. Returns the key if it is held as another one. */
  apply(change: Change): KeyRecord | undefined {
    if (isKeyChange(change)) return this.#fold(change.record);
    this.#replace(change);
    return undefined;
  }

  #replace(change: Exclude<Change, KeyChange>): void {
    if (change.op === "del") return this.#remove(change);
    const { id } = change;
    switch (change.kind) {
      case "models":
        return this.#models.set(id, change.record);
      case "alias":
        return this.#aliases.set(id, change.record);
      case "mcp":
        return this.#setMcp(id, change.record);
      case "project":
        this.#projects.set(id, change.record);
        return;
      case "policy":
        this.#policy = change.record;
        return;
      case "provider":
        this.#setProvider(id, change.record);
        return;
      case "secret":
        this.#secrets.set(id, change.record);
        return;
      case "deny_jti":
        this.#setDenied(id, change.record);
        return;
    }
  }

  #remove({ kind, id }: Extract<Change, { op: "del" }>): void {
    switch (kind) {
      case "provider":
        return this.#setProvider(id, undefined);
      case "secret":
        this.#secrets.delete(id);
        return;
      case "deny_jti":
        return this.#setDenied(id, undefined);
      case "models":
        return this.#models.set(id, undefined);
      case "alias":
        return this.#aliases.set(id, undefined);
      case "mcp":
        return this.#setMcp(id, undefined);
    }
  }

  #setDenied(id: string, record: DeniedTokenRecord | undefined): void {
    if (record === undefined) this.#denied.delete(id);
    else this.#denied.set(id, record);
    this.#closed.delete(id);
  }

  #setMcp(id: string, record: McpServerRecord | undefined): void {
    this.mcp.set(id, record);
    this.#closed.delete(id);
  }

  /** Sets a key that the history in force has otherwise: it is dead, or closed until that history has caught up. */
  keepKey(record: KeyRecord): void {
    this.#setKey(record, !isDead(record));
  }

  /** Takes a living key, an LLM key or a token out of use without a word of the control plane that could be read. */
  close(id: string): void {
    const held = this.#keys.get(id);
    if (held === undefined) this.#closed.add(id);
    else if (held.status === "active") this.#setKey({ ...held, status: "inactive" }, true);
  }

  /** Every record as the change that would put it, in a fixed order: what a snapshot holds, and what tests compare. */
  *changes(): IterableIterator<Change> {
    if (this.#policy) yield { op: "put", kind: "policy", id: this.#policy.id, record: this.#policy };
    for (const [id, record] of sorted(this.#projects)) yield { op: "put", kind: "project", id, record };
    for (const [id, record] of sorted(this.#secrets)) yield { op: "put", kind: "secret", id, record };
    for (const [id, record] of sorted(this.#providers)) yield { op: "put", kind: "provider", id, record };
    const keys = [...this.keys()].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const record of keys) {
      yield { op: "put", kind: record.kind === "key" ? "key" : "agent", id: record.id, record };
    }
    const ifUnknown = "skip" as const;
    for (const [id, record] of sorted(this.#models.records()))
      yield { op: "put", kind: "models", id, record, ifUnknown };
    for (const [id, record] of sorted(this.#aliases.records()))
      yield { op: "put", kind: "alias", id, record, ifUnknown };
    for (const [id, record] of sorted(this.mcp.records()))
      yield { op: "put", kind: "mcp", id, record, ifUnknown };
    for (const [id, record] of sorted(this.#denied)) yield { op: "put", kind: "deny_jti", id, record };
  }

  #fold(incoming: KeyRecord): KeyRecord | undefined {
    const folded = foldKey(this.#keys.get(incoming.id), incoming);
    if (folded !== incoming) {
      this.keepKey(folded);
      return folded;
    }
    this.#setKey(folded, false);
    return undefined;
  }

  #setKey(record: KeyRecord, closed: boolean): void {
    const before = this.#keys.get(record.id);
    this.#keys.set(record);
    if (closed) this.#closed.add(record.id);
    else this.#closed.delete(record.id);
    if (before !== undefined) this.#countActive(before, -1);
    this.#countActive(record, 1);
  }

  #countActive({ status, maxStalenessSeconds }: KeyRecord, by: 1 | -1): void {
    if (status !== "active") return;
    const n = (this.#activeByStaleness.get(maxStalenessSeconds) ?? 0) + by;
    if (n === 0) this.#activeByStaleness.delete(maxStalenessSeconds);
    else this.#activeByStaleness.set(maxStalenessSeconds, n);
  }

  #setProvider(id: string, record: ProviderRecord | undefined): void {
    const before = this.#providers.get(id);
    if (record === undefined) this.#providers.delete(id);
    else this.#providers.set(id, record);
    this.#closed.delete(id);
    for (const projectId of new Set([before?.projectId, record?.projectId])) {
      if (projectId === undefined) continue;
      const others = this.providersOf(projectId).filter((one) => one.id !== id);
      const now = record?.projectId === projectId ? [...others, record] : others;
      if (now.length === 0) this.#providersOf.delete(projectId);
      else
        this.#providersOf.set(
          projectId,
          now.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        );
    }
  }
}

type KeyChange = Extract<Change, { op: "put"; kind: "key" | "agent" }>;

/** Puts a key, an agent or a hidden parent: one table holds them, and one rule folds them. */
export function isKeyChange(change: Change): change is KeyChange {
  return change.op === "put" && (change.kind === "key" || change.kind === "agent");
}

function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
