/** The organization that is simulated: a few keys whose lives are short and eventful. */
import { buildKey, buildPolicy, buildProject } from "@claviger/shared/testing/records";
import type { Change, KeyRecord } from "@claviger/shared/wire/record";
import type { World } from "./world.ts";

export const ORG = "org_simulated000";
const PROJECT = "prj_simulated000";
const STALENESS_SECONDS = [30, 45, 60];

/** 43 characters, one per key and secret. */
function hashOf(key: number, secret: number): string {
  return `${key}x${secret}`.padEnd(43, "_");
}

export function firstRecords(keys: number): Change[] {
  return [
    { op: "put", kind: "policy", id: ORG, record: buildPolicy({ id: ORG }) },
    { op: "put", kind: "project", id: PROJECT, record: buildProject({ id: PROJECT }) },
    ...Array.from({ length: keys }, (_, i) => put(newKey(i))),
  ];
}

export function put(record: KeyRecord): Change {
  return { op: "put", kind: "key", id: record.id, record };
}

function newKey(i: number): KeyRecord {
  return buildKey({
    id: `key_simulated00${i}`,
    projectId: PROJECT,
    hashes: [{ hash: hashOf(i, 1), generation: 1, notAfterMs: null }],
    maxStalenessSeconds: 30,
  });
}

export interface Edit {
  record: KeyRecord;
  effect: "giving" | "restrictive";
}

/** What an administrator might do to this key next; undefined when nothing makes sense. */
export function editOf(world: World, key: KeyRecord): Edit | undefined {
  if (key.status === "inactive") return { effect: "giving", record: { ...key, status: "active" } };
  if (key.status === "revoked") return { effect: "giving", record: revived(key) };
  if (key.status === "deleted") return undefined;
  const choice = world.between(0, 1);
  if (choice < 0.4) return { effect: "restrictive", record: { ...key, status: "revoked" } };
  if (choice < 0.65) return { effect: "restrictive", record: { ...key, status: "inactive" } };
  if (choice < 0.9) return { effect: "restrictive", record: rotated(key) };
  const maxStalenessSeconds = world.pick(STALENESS_SECONDS);
  const effect = maxStalenessSeconds < key.maxStalenessSeconds ? "restrictive" : "giving";
  return { effect, record: { ...key, maxStalenessSeconds } };
}

/** The same secret in a new generation. */
function revived(key: KeyRecord): KeyRecord {
  const generation = key.generation + 1;
  const hashes = key.hashes.map((one) => (one.notAfterMs === null ? { ...one, generation } : one));
  return { ...key, generation, hashes, status: "active" };
}

/** A new secret; the old one is a tombstone at once. */
function rotated(key: KeyRecord): KeyRecord {
  const generation = key.generation + 1;
  const i = Number(key.id.at(-1));
  const old = key.hashes.map((one) => (one.notAfterMs === null ? { ...one, notAfterMs: 0 } : one));
  return {
    ...key,
    generation,
    hashes: [...old.slice(-60), { hash: hashOf(i, generation), generation, notAfterMs: null }],
  };
}

/** The generation in which this record admits the hash; undefined when it does not. */
export function admittedGeneration(record: KeyRecord, hash: string): number | undefined {
  if (record.status !== "active") return undefined;
  return record.hashes.find((one) => one.hash === hash && one.notAfterMs === null)?.generation;
}
