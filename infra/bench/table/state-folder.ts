/** A replica's folder as it lies on disk: signed snapshot, pages and stamp, sealed by the store that gateways use. */
import { createHash } from "node:crypto";
import { encodeRecord } from "@claviger/gateway/follow/state-file";
import { createStateStore } from "@claviger/gateway/runtime/node/state-store";
import { buildPolicy, buildProject, buildProvider } from "@claviger/shared/testing/records";
import type { VerificationKey } from "@claviger/shared/wire/enrol";
import type { Change, KeyRecord } from "@claviger/shared/wire/record";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { createSign } from "@claviger/shared/wire/sign";
import type { Snapshot } from "@claviger/shared/wire/snapshot";
import { projectIds } from "./keys.ts";

export const ORG = "org_000000000001";
export const REPLICA = "rep_000000000001";
export const MASTER_KEY: Uint8Array = new Uint8Array(32).fill(7);
/** As the control plane makes them. */
const PAGE_BYTES = 400_000;

/** Writes the folder, and returns what its snapshot is verified with and how large it is. */
export async function writeState(
  folder: string,
  keys: Iterable<KeyRecord>,
): Promise<{ key: VerificationKey; bytes: number }> {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("a pair was expected");
  const { x = "" } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const pages = [...pagesOf(changesOf(keys))];
  const nowMs = Date.now();
  const snapshot: Snapshot = {
    v: 1,
    org: ORG,
    epoch: 1,
    rev: 1,
    chain: GENESIS_CHAIN,
    cpTimeMs: nowMs,
    pages: pages.map((bytes) => createHash("sha256").update(bytes).digest("base64url")),
  };
  const sign = createSign(pair.privateKey, "cp-1");
  const jws = await sign("clv-snap+jws", new TextEncoder().encode(JSON.stringify(snapshot)));
  const stamp = {
    proof: { sentWallMs: nowMs, cpTimeMs: nowMs },
    clock: { offsetMs: 0, errorMs: 1, trusted: true, highWaterMs: nowMs },
    audited: { epoch: 1, rev: 1 },
    kept: [],
    denials: [],
  };
  const store = createStateStore(folder, MASTER_KEY, REPLICA);
  await store.load();
  await store.replace([
    encodeRecord({ kind: "snapshot", jws }),
    ...pages.map((bytes) => encodeRecord({ kind: "page", bytes })),
    encodeRecord({ kind: "stamp", stamp }),
  ]);
  await store.close();
  return { key: { kid: "cp-1", x }, bytes: pages.reduce((sum, { length }) => sum + length, 0) };
}

function* changesOf(keys: Iterable<KeyRecord>): IterableIterator<Change> {
  const policy = buildPolicy({ id: ORG });
  yield { op: "put", kind: "policy", id: policy.id, record: policy };
  for (const id of projectIds) yield { op: "put", kind: "project", id, record: buildProject({ id }) };
  const provider = buildProvider();
  yield { op: "put", kind: "provider", id: provider.id, record: provider };
  for (const record of keys) yield { op: "put", kind: "key", id: record.id, record };
}

function* pagesOf(changes: Iterable<Change>): IterableIterator<Uint8Array> {
  let texts: string[] = [];
  let size = 0;
  for (const change of changes) {
    const text = JSON.stringify(change);
    if (size + text.length > PAGE_BYTES) {
      yield Buffer.from(`[${texts.join(",")}]`);
      texts = [];
      size = 0;
    }
    texts.push(text);
    size += text.length + 1;
  }
  yield Buffer.from(`[${texts.join(",")}]`);
}
