/**
 * The end of a replica. The bargain: only a signed word of the control plane that names this replica ends it, and then
 * everything that it admits by is gone in the same turn, before anything is on disk.
 */
import { emptyReplica, type Identity } from "@claviger/shared/sync/replica-state";
import { Detached } from "@claviger/shared/wire/detached";
import type { Verify } from "@claviger/shared/wire/sign";
import type { Applier } from "./applier.ts";
import { parse, type Rejected } from "./read-message.ts";

/** The statement, verified and this replica's own; why not, for every other message. */
export async function readDetachment(
  verify: Verify,
  { org, replica }: Identity,
  jws: string,
): Promise<Detached | Rejected> {
  const detail = "a statement that a replica is detached";
  const payload = await verify("clv-detached+jws", jws);
  if (payload === undefined) return { type: "rejected", code: "bad_signature", detail };
  const statement = Detached.safeParse(parse(payload));
  if (!statement.success) return { type: "rejected", code: "unsupported", detail };
  const ours = statement.data.org === org && statement.data.replica === replica;
  return ours ? statement.data : { type: "rejected", code: "unsupported", detail: `${detail}: another one` };
}

/** Drops the table and its proof, ends what is in flight, and follows nobody any more. Twice is once. */
export function endFollowing({
  loaded: { state },
  beats,
  fetcher,
  writer,
  aborters,
  condition,
}: Applier): void {
  const { epoch, rev } = state.at;
  Object.assign(state, { ...emptyReplica(state.identity), audited: state.audited });
  beats.stop();
  fetcher.stop();
  writer.stop();
  const none: ReadonlySet<string> = new Set();
  const all = {
    epoch,
    rev,
    keyIds: none,
    providerIds: none,
    tokenIds: none,
    projectIds: none,
    mcpServerIds: none,
    everything: true,
  };
  for (const aborter of aborters) aborter(all);
  condition.changed();
}
