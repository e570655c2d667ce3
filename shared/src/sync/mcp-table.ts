/** MCP servers as a replica holds them; written by the table that owns them. */
import type { McpServersView } from "../decide/view.ts";
import type { McpServerRecord } from "../wire/record.ts";

export class HeldMcpServers implements McpServersView {
  readonly #records = new Map<string, McpServerRecord>();
  readonly #byName = new Map<string, McpServerRecord>();
  #all: readonly McpServerRecord[] | undefined;

  byName(name: string): McpServerRecord | undefined {
    return this.#byName.get(name);
  }

  byId(id: string): McpServerRecord | undefined {
    return this.#records.get(id);
  }

  all(): readonly McpServerRecord[] {
    this.#all ??= [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#all;
  }

  /** Replaces the server of this id; undefined takes it away. */
  set(id: string, record: McpServerRecord | undefined): void {
    this.#all = undefined;
    const before = this.#records.get(id);
    // Another one may have the name by now.
    if (before !== undefined && this.#byName.get(before.name) === before) this.#byName.delete(before.name);
    if (record === undefined) {
      this.#records.delete(id);
      return;
    }
    this.#records.set(id, record);
    this.#byName.set(record.name, record);
  }

  records(): ReadonlyMap<string, McpServerRecord> {
    return this.#records;
  }
}
