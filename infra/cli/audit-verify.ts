import { join, resolve } from "node:path";
import { replicaIn, slotsWithLog, verifyLog } from "@claviger/gateway/runtime/node/verify-log";
import { CommandError, type Terminal } from "./command.ts";

export interface VerifyOptions {
  readonly home?: string;
  readonly slot?: string;
  readonly replica?: string;
  readonly head?: string;
}

/** Walks the chains of a gateway's home; throws when one does not hold. */
export async function verifyAudit(
  options: VerifyOptions,
  { env, out }: Pick<Terminal, "env" | "out">,
): Promise<void> {
  const { home: given = env.CLAVIGER_GATEWAY_HOME, slot, replica, head } = options;
  if (!given) throw new CommandError("--home is missing: the folder in CLAVIGER_GATEWAY_HOME", 2);
  if (slot !== undefined && !/^[a-z0-9-]{1,64}$/.test(slot)) {
    throw new CommandError("--slot must be a slot's name, e.g. 0", 2);
  }
  const home = resolve(given);
  const seen = head === undefined ? undefined : readHead(head);
  const found = await slotsWithLog(home);
  const slots = slot === undefined ? found : found.filter((name) => name === slot);
  if (slots.length === 0) throw new CommandError(`${join(home, slot ?? "")} holds no audit log`, 2);
  const single = replica !== undefined || seen !== undefined;
  if (single && slots.length > 1)
    throw new CommandError("--replica and --head need --slot: there are several", 2);
  let broken = 0;
  for (const name of slots) {
    const id = replica ?? (await ownerOf(home, name, env.CLAVIGER_GATEWAY_MASTER_KEY));
    const verdict = await judge(home, name, id, seen);
    out(`${name} ${id}: ${verdict.text}`);
    if (!verdict.ok) broken++;
  }
  if (broken > 0) throw new CommandError(`${broken} of ${slots.length} audit chains do not hold`);
}

interface Head {
  readonly n: number;
  readonly hash: string;
}

async function judge(
  home: string,
  slot: string,
  replicaId: string,
  seen: Head | undefined,
): Promise<{ ok: boolean; text: string }> {
  const { anchorN, lastN, lastHash, brokenN, hashes } = await verifyLog(
    ...([home, slot, replicaId, seen === undefined ? [] : [seen.n]] as const),
  );
  if (brokenN !== undefined)
    return { ok: false, text: `broken at link ${brokenN} (the last that holds is ${lastN})` };
  if (seen !== undefined && seen.n >= anchorN) {
    if (seen.n > lastN)
      return { ok: false, text: `cut off: it ends at link ${lastN}, and link ${seen.n} was seen` };
    if (hashes.get(seen.n) !== seen.hash)
      return { ok: false, text: `another chain: link ${seen.n} is not the one seen` };
  }
  const gone = anchorN === 0 ? "" : `, links up to ${anchorN} are gone by retention`;
  return { ok: true, text: `ok, ${lastN - anchorN} links, head ${lastN}:${lastHash}${gone}` };
}

async function ownerOf(home: string, slot: string, masterKey: string | undefined): Promise<string> {
  if (!masterKey) {
    throw new CommandError(
      "set CLAVIGER_GATEWAY_MASTER_KEY, or name the replica with --replica: a chain begins with its id",
      2,
    );
  }
  const key = new Uint8Array(Buffer.from(masterKey, "base64"));
  if (key.length !== 32) throw new CommandError("CLAVIGER_GATEWAY_MASTER_KEY must be 32 bytes in base64", 2);
  try {
    const id = await replicaIn(home, slot, key);
    if (id !== undefined) return id;
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), 2);
  }
  throw new CommandError(`${join(home, slot)} has no identity: name the replica with --replica`, 2);
}

function readHead(text: string): Head {
  const match = /^(\d{1,15}):([A-Za-z0-9_-]{43})$/.exec(text);
  if (match === null) throw new CommandError("--head must be N:HASH, as this command prints it", 2);
  return { n: Number(match[1]), hash: match[2] ?? "" };
}
