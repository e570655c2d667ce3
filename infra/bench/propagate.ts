/**
 * `npm run bench -- propagate`: how far behind its organization a gateway is when changes come without a pause. The costs
 * are measured here first (signature, the real core's step, a synced append), then 500 replicas and 200 changes per second
 * are played with them under a virtual clock. What is not measured stands below as an assumption, on the slow side.
 *
 *   propagate.ts 500 200 30     replicas, changes per second, seconds
 */
import { fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { step } from "@claviger/shared/sync/replica";
import { emptyReplica } from "@claviger/shared/sync/replica-state";
import { buildKey } from "@claviger/shared/testing/records";
import { seededRandom } from "@claviger/shared/testing/seeded-random";
import { createSign, createVerify } from "@claviger/shared/wire/sign";
import { judge, medianOf } from "./parts/verdict.ts";

const [REPLICAS = 500, PER_SECOND = 200, SECONDS = 30] = process.argv.slice(2).map(Number);
/** One way, between the control plane and a gateway: uniform between these, for each gateway its own. */
const WAY_MS = [1, 150] as const;
/** What a nats-server sends at most, in bytes per millisecond (5 Gbit/s). */
const BUS_BYTES_PER_MS = 625_000;
/** One message in a thousand is lost, and fetched with the next heartbeat. */
const LOST = 0.001;
const HEARTBEAT_MS = 10_000;

const costs = await measure();
const lags = play(costs);
const sorted = lags.toSorted((a, b) => a - b);
const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
console.log(
  `measured: signature ${costs.signMs.toFixed(3)} ms, verification ${costs.verifyMs.toFixed(3)} ms, step ${costs.stepMs.toFixed(4)} ms, synced append ${costs.syncMs.toFixed(2)} ms, a change ${costs.bytes} B`,
);
console.log(
  `assumed: ${WAY_MS[0]} – ${WAY_MS[1]} ms one way, ${LOST * 100} % of the messages lost, ${(BUS_BYTES_PER_MS * 8) / 1e6} Gbit/s out of the bus`,
);
console.log(
  `${REPLICAS} replicas, ${PER_SECOND} changes/s, ${SECONDS} s: behind by ${medianOf(lags).toFixed(0)} ms at p50, ${p99.toFixed(0)} ms at p99, ${(sorted.at(-1) ?? 0).toFixed(0)} ms at most`,
);
judge([
  {
    ...{ what: `propagate: ${REPLICAS} × ${PER_SECOND}/s, lag p99`, value: p99, unit: " ms" },
    ...{ is: "≤", toReach: 1_000, stretch: 250 },
  },
]);

interface Costs {
  readonly signMs: number;
  readonly verifyMs: number;
  readonly stepMs: number;
  readonly syncMs: number;
  readonly bytes: number;
}

/** Medians on this machine. */
async function measure(): Promise<Costs> {
  const keys = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const { x = "" } = await crypto.subtle.exportKey("jwk", keys.publicKey);
  const sign = createSign(keys.privateKey, "k");
  const verify = await createVerify([{ kid: "k", x }]);
  const payload = new TextEncoder().encode(JSON.stringify(deltaOf(1)));
  const jws = await sign("clv-delta+jws", payload);
  const signMs = await timed(300, () => sign("clv-delta+jws", payload));
  const verifyMs = await timed(300, () => verify("clv-delta+jws", jws));
  return { signMs, verifyMs, stepMs: stepMs(jws), syncMs: syncMs(jws), bytes: jws.length };
}

async function timed(times: number, run: () => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let n = 0; n < times; n++) {
    const begin = performance.now();
    await run();
    all.push(performance.now() - begin);
  }
  return medianOf(all);
}

function deltaOf(rev: number) {
  const record = buildKey({ id: `key_${String(rev % 1_000).padStart(12, "0")}` });
  return {
    ...{ v: 1, org: "org_000000000001", epoch: 1, rev, prev: `chain-${rev - 1}`, atMs: rev },
    actor: { kind: "member", id: "mem_000000000001", name: "bench" },
    ...{ action: "api-key.edit", restrictive: true, inflight: "drain", operation: null },
    changes: [{ op: "put", kind: "key", id: record.id, record }],
  } as const;
}

/** The real core takes 5 000 changes in their order. */
function stepMs(jws: string): number {
  const state = emptyReplica({ org: "org_000000000001", replica: "rep_000000000001", boot: "1.boot" });
  state.at = { epoch: 1, rev: 0, chain: "chain-0" };
  const begin = performance.now();
  for (let rev = 1; rev <= 5_000; rev++) {
    const event = { type: "delta" as const, chainAfter: `chain-${rev}`, jws, delta: deltaOf(rev) as never };
    const { effects } = step(state, event, { wallMs: rev, monoMs: rev });
    for (const effect of effects)
      if (effect.type === "append")
        step(state, { type: "persisted", n: effect.n }, { wallMs: rev, monoMs: rev });
  }
  if (state.at.rev !== 5_000) throw new Error(`it stands at ${state.at.rev}`);
  return (performance.now() - begin) / 5_000;
}

function syncMs(jws: string): number {
  const folder = mkdtempSync(join(tmpdir(), "claviger-propagate-"));
  const file = openSync(join(folder, "log"), "a");
  const all: number[] = [];
  for (let n = 0; n < 100; n++) {
    const begin = performance.now();
    writeSync(file, jws);
    fdatasyncSync(file);
    all.push(performance.now() - begin);
  }
  rmSync(folder, { recursive: true });
  return medianOf(all);
}

/** Milliseconds from each commit until each replica holds it on its disk. */
function play({ signMs, verifyMs, stepMs: ownMs, syncMs: diskMs, bytes }: Costs): number[] {
  const random = seededRandom(1);
  const sentMs: { committed: number; sent: number }[] = [];
  let freeMs = 0;
  for (let n = 0; n < PER_SECOND * SECONDS; n++) {
    // One after the other by the organization's lock: signed, synced here and by the standby.
    const committed = Math.max(freeMs, (n / PER_SECOND) * 1_000) + signMs + 2 * diskMs;
    freeMs = committed;
    sentMs.push({ committed, sent: committed });
  }
  let busMs = 0;
  for (const each of sentMs) {
    busMs = Math.max(busMs, each.sent) + (bytes * REPLICAS) / BUS_BYTES_PER_MS;
    each.sent = busMs;
  }
  const lags: number[] = [];
  for (let replica = 0; replica < REPLICAS; replica++) {
    const wayMs = WAY_MS[0] + random.next() * (WAY_MS[1] - WAY_MS[0]);
    lags.push(...lagsOf(sentMs, { wayMs, costMs: verifyMs + ownMs, diskMs, random: () => random.next() }));
  }
  return lags;
}

interface At {
  readonly wayMs: number;
  readonly costMs: number;
  readonly diskMs: number;
  readonly random: () => number;
}

/** One replica: takes changes in their order, many to one sync; what was lost is asked for when the next one shows the gap. */
function lagsOf(sent: readonly { committed: number; sent: number }[], at: At): number[] {
  const arrived = sent.map((each) => (at.random() < LOST ? Number.NaN : each.sent + at.wayMs));
  for (let n = arrived.length - 1; n >= 0; n--) {
    if (!Number.isNaN(arrived[n])) continue;
    const next = arrived[n + 1] ?? (sent[n]?.sent ?? 0) + HEARTBEAT_MS;
    arrived[n] = next + 2 * at.wayMs;
  }
  const lags: number[] = [];
  let nowMs = 0;
  for (let n = 0; n < arrived.length; ) {
    let inOrderMs = Math.max(nowMs, arrived[n] ?? 0);
    let until = n;
    // Everything that is there when the disk is free goes into one append.
    while (until < arrived.length && (arrived[until] ?? 0) <= inOrderMs) {
      inOrderMs += at.costMs;
      until++;
    }
    nowMs = inOrderMs + at.diskMs;
    for (; n < until; n++) lags.push(nowMs - (sent[n]?.committed ?? 0));
  }
  return lags;
}
