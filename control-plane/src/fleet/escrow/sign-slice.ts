/** A new slice as a replica gets it. */
import type { SliceRow } from "@claviger/shared/escrow/budget-row";
import type { Slice } from "@claviger/shared/wire/escrow";
import type { Ports } from "../../ports.ts";

/** The slice as it is issued, signed (`clv-slice+jws`). */
export function signSlice(
  { sign }: Pick<Ports, "sign">,
  orgId: string,
  { id, req, budget, replica, boot, issued, startMs }: SliceRow,
  endMs: number | null,
): Promise<string> {
  const slice: Slice = {
    ...{ v: 1, org: orgId, id, req, budget, replica, boot },
    ...{ amount: issued.toString(), startMs, endMs },
  };
  return sign("clv-slice+jws", new TextEncoder().encode(JSON.stringify(slice)));
}
