/**
 * A process that starts from a folder as a gateway does, with nobody to call, and says on its standard output when it
 * could serve and what it weighs. `node load.ts FOLDER KEY`, with KEY the verification key as JSON.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createFollower } from "@claviger/gateway/follow/create-follower";
import type { Courier, Log } from "@claviger/gateway/ports";
import { createStateStore } from "@claviger/gateway/runtime/node/state-store";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { createVerify } from "@claviger/shared/wire/sign";
import { MASTER_KEY, ORG, REPLICA } from "./state-folder.ts";

/** What the process says, one line of JSON. */
export interface Loaded {
  readonly ready: boolean;
  readonly keys: number;
  /** Of the load alone; who started the process measures from there. */
  readonly loadMs: number;
  readonly cpuMs: number;
  readonly readyAtMs: number;
  /** After a full collection: objects, and bytes outside of the heap. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly rssPeakBytes: number;
  /** One full collection with the table held. */
  readonly collectMs: number;
}

const nobody = () => Promise.reject(new Error("nobody is there"));
const courier: Courier = {
  heartbeat: nobody,
  sync: nobody,
  page: nobody,
  usage: nobody,
  ask: nobody,
  answer: nobody,
  listen: () => undefined,
  useNatsJwt: () => undefined,
  close: async () => undefined,
};
const log: Log = { debug() {}, info() {}, warn() {}, error: (fields, text) => console.error(text, fields) };

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const [folder = "", key = ""] = process.argv.slice(2);
collect();
const before = process.memoryUsage();
const sinceMs = performance.now();
const follower = await createFollower({
  identity: { org: ORG, replica: REPLICA, boot: `1.${crypto.randomUUID()}` },
  runtime: "node",
  software: "bench",
  clock: { wallMs: () => Date.now(), monoMs: () => performance.now() },
  courier,
  store: createStateStore(folder, MASTER_KEY, REPLICA),
  verify: await createVerify([JSON.parse(key)]),
  log,
  vitals: () => ({
    usage: { nextSeq: 1 },
    audit: { n: 0, head: GENESIS_CHAIN },
    inflight: 0,
    requestsPerSecond: 0,
  }),
  events: {
    audit: async () => undefined,
    query: () => undefined,
    usageCursor: () => undefined,
    dataKeys: () => undefined,
  },
  credentials: () => undefined,
});
const ready = follower.ready();
const loadMs = performance.now() - sinceMs;
const { user, system } = process.cpuUsage();
const readyAtMs = Date.now();
collect();
const collectSinceMs = performance.now();
collect();
const collectMs = performance.now() - collectSinceMs;
const after = process.memoryUsage();
const loaded: Loaded = {
  ready,
  keys: follower.status().keys,
  loadMs,
  cpuMs: (user + system) / 1000,
  readyAtMs,
  heapBytes: after.heapUsed - before.heapUsed,
  externalBytes: after.external - before.external,
  rssPeakBytes: process.resourceUsage().maxRSS * 1024,
  collectMs,
};
console.log(JSON.stringify(loaded));
await follower.stop();
