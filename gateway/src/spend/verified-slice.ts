import type { Slice } from "@claviger/shared/escrow/slice";
import { Slice as WireSlice } from "@claviger/shared/wire/escrow";
import type { Verify } from "@claviger/shared/wire/sign";

/** The slice that the control plane has signed for this organization; undefined for anything else. */
export async function verifiedSlice(verify: Verify, org: string, jws: string): Promise<Slice | undefined> {
  const payload = await verify("clv-slice+jws", jws);
  if (payload === undefined) return undefined;
  const { data } = WireSlice.safeParse(JSON.parse(new TextDecoder().decode(payload)));
  if (data === undefined || data.org !== org) return undefined;
  const { id, req, budget, replica, boot, startMs, endMs } = data;
  return { id, req, budget, replica, boot, startMs, endMs, amount: BigInt(data.amount), jws };
}
