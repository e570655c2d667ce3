/** For property tests: what a verb makes of a key. */
import { buildKey } from "../../testing/records.ts";
import type { KeyRecord } from "../../wire/record.ts";

export type KeyChange = "edit" | "deactivate" | "activate" | "rotate" | "revoke" | "delete";

/** (generation, rank) as one number. */
export function heightOf({ generation, status }: KeyRecord): number {
  return generation * 3 + (status === "deleted" ? 2 : status === "revoked" ? 1 : 0);
}

/** The record after a change by the rules that verbs keep to; undefined when there is nothing to change. */
export function changed(
  held: KeyRecord | undefined,
  id: string,
  change: KeyChange,
  hash: string,
): KeyRecord | undefined {
  const hashes = (generation: number) => [{ hash, generation, notAfterMs: null }];
  if (held === undefined) return buildKey({ id, hashes: hashes(1) });
  if (held.status === "deleted") return undefined;
  const generation = held.generation + 1;
  const revoked = held.status === "revoked";
  switch (change) {
    case "edit":
      return { ...held, metadata: { hash } };
    case "deactivate":
      return revoked ? undefined : { ...held, status: "inactive" };
    case "activate":
      return revoked ? { ...held, generation, status: "active" } : { ...held, status: "active" };
    case "rotate":
      return revoked
        ? undefined
        : { ...held, generation, hashes: [...held.hashes, ...hashes(generation)].slice(-4) };
    case "revoke":
      return { ...held, status: "revoked" };
    case "delete":
      return { ...held, status: "deleted" };
  }
}
