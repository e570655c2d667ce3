/**
 * Models, their prices, and aliases, as a replica holds them. Records stay as they came; the integers of a price are made
 * when it is first asked for, because most models of a provider never are.
 */
import type { ModelFacts } from "../decide/view.ts";
import { readPrice } from "../money/price.ts";
import type { AliasRecord, ModelRow, ModelsRecord } from "../wire/record.ts";

/** Models by provider and name; written by the table that owns it. */
export class HeldModels {
  readonly #records = new Map<string, ModelsRecord>();
  readonly #byProvider = new Map<string, Map<string, { row: ModelRow; of: string }>>();
  readonly #facts = new WeakMap<ModelRow, ModelFacts>();

  get(provider: string, model: string): ModelFacts | undefined {
    const row = this.#byProvider.get(provider)?.get(model)?.row;
    if (row === undefined) return undefined;
    const known = this.#facts.get(row);
    if (known !== undefined) return known;
    const facts = {
      price: row.price === null ? undefined : { rev: row.priceRev, price: readPrice(row.price) },
      contextWindow: row.contextWindow ?? null,
      outputTokensMax: row.outputTokensMax ?? null,
    };
    this.#facts.set(row, facts);
    return facts;
  }

  /** Replaces what the record of this id said before; undefined takes it away. */
  set(id: string, record: ModelsRecord | undefined): void {
    const before = this.#records.get(id);
    if (before !== undefined) this.#forget(before);
    if (record === undefined) {
      this.#records.delete(id);
      return;
    }
    this.#records.set(id, record);
    const models = this.#byProvider.get(record.provider) ?? new Map();
    this.#byProvider.set(record.provider, models);
    for (const row of record.models) models.set(row.name, { row, of: id });
  }

  records(): ReadonlyMap<string, ModelsRecord> {
    return this.#records;
  }

  #forget({ id, provider, models }: ModelsRecord): void {
    const held = this.#byProvider.get(provider);
    if (held === undefined) return;
    // Another record may have the name by now.
    for (const { name } of models) if (held.get(name)?.of === id) held.delete(name);
    if (held.size === 0) this.#byProvider.delete(provider);
  }
}

/** Aliases by project and name; written by the table that owns it. */
export class HeldAliases {
  readonly #records = new Map<string, AliasRecord>();
  /** Under the project's id, and the empty text for those of every project. */
  readonly #byProject = new Map<string, Map<string, AliasRecord>>();

  get(projectId: string, name: string): AliasRecord | undefined {
    return this.#byProject.get(projectId)?.get(name) ?? this.#byProject.get("")?.get(name);
  }

  of(projectId: string): AliasRecord[] {
    const all = new Map([...(this.#byProject.get("") ?? []), ...(this.#byProject.get(projectId) ?? [])]);
    return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Replaces the alias of this id; undefined takes it away. */
  set(id: string, record: AliasRecord | undefined): void {
    const before = this.#records.get(id);
    if (before !== undefined) {
      const held = this.#byProject.get(before.projectId ?? "");
      if (held?.get(before.name) === before) held.delete(before.name);
      if (held?.size === 0) this.#byProject.delete(before.projectId ?? "");
    }
    if (record === undefined) {
      this.#records.delete(id);
      return;
    }
    this.#records.set(id, record);
    const held = this.#byProject.get(record.projectId ?? "") ?? new Map<string, AliasRecord>();
    this.#byProject.set(record.projectId ?? "", held);
    held.set(record.name, record);
  }

  records(): ReadonlyMap<string, AliasRecord> {
    return this.#records;
  }
}
