import type { AuditEntry } from "../logs/records.ts";

/** One change or request, with every gateway that has it in its chain. */
export interface AuditLine {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly what: string;
  readonly targets: readonly string[];
  readonly revision: string;
  /** A change is to reach every gateway; a snapshot or a request is one gateway's own. */
  readonly kind: "change" | "snapshot" | "request";
  readonly gateways: readonly string[];
}

/** Entries as lines: what several gateways applied is one line, at the first time it was. */
export function linesOf(entries: readonly AuditEntry[]): AuditLine[] {
  const groups = Map.groupBy(entries, ({ id, attributes: entry }) =>
    entry.kind === "change" ? `${entry.epoch}.${entry.rev}` : id,
  );
  return [...groups].flatMap(([id, group]) => {
    const [first] = group;
    if (first === undefined) return [];
    const times = group.map(({ attributes }) => attributes.at).toSorted();
    const gateways = [...new Set(group.map(({ attributes }) => attributes.gateway))].toSorted();
    return [{ id, at: times[0] ?? first.attributes.at, gateways, ...wordsOf(first) }];
  });
}

function wordsOf({ attributes: entry }: AuditEntry) {
  switch (entry.kind) {
    case "change":
      return {
        kind: entry.kind,
        actor: entry.actor.name,
        what: entry.reason === undefined ? entry.action : `${entry.action} (${entry.reason})`,
        targets: entry.ids,
        revision: String(entry.rev),
      };
    case "snapshot":
      return {
        kind: entry.kind,
        actor: entry.gateway,
        what: "snapshot",
        targets: [],
        revision: `${entry.fromRev}–${entry.toRev}`,
      };
    case "request":
      return {
        kind: entry.kind,
        actor: entry.keyId,
        what: `request ${entry.code ?? entry.status}`,
        targets: [`${entry.provider}/${entry.model}`],
        revision: "–",
      };
  }
}
