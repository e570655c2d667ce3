/**
 * `npm run bench -- admit [keys]`: what it costs to decide on one request, from its secret on, with a million keys and with a thousand. Each request
 * comes with another key, so that the table and not one record is measured.
 */
import { createCrypto } from "@claviger/gateway/runtime/node/crypto";
import { admitKey } from "@claviger/shared/decide/admit";
import { admitModel } from "@claviger/shared/decide/model";
import type { Freshness } from "@claviger/shared/decide/view";
import { makeApiKey, parseApiKey } from "@claviger/shared/key/secret";
import { Table } from "@claviger/shared/sync/table";
import { buildPolicy, buildProject, buildProvider } from "@claviger/shared/testing/records";
import { seededRandom } from "@claviger/shared/testing/seeded-random";
import { judge } from "./parts/verdict.ts";
import { makeKeys, projectIds } from "./table/keys.ts";

const FEW = 1_000;
const MANY = Number(process.argv[2] ?? 1_000_000);
const ASKED = 50_000;
const ROUNDS = 5;
const ADDRESS = [0x0a000001];
const FRESH: Freshness = { ageMs: 0, nowMs: Date.UTC(2027, 0, 1) };

interface Held {
  readonly table: Table;
  /** Of the requests, in their order: keys from all over the table. */
  readonly secrets: readonly string[];
}

const { keyHash } = createCrypto();

function hold(count: number): Held {
  const table = new Table();
  const policy = buildPolicy();
  table.apply({ op: "put", kind: "policy", id: policy.id, record: policy });
  for (const id of projectIds) {
    table.apply({ op: "put", kind: "project", id, record: buildProject({ id }) });
    const provider = buildProvider({ id: id.replace("prj", "llm"), projectId: id });
    table.apply({ op: "put", kind: "provider", id: provider.id, record: provider });
  }
  table.configured = true;
  const random = seededRandom(2);
  const secrets: string[] = [];
  const every = Math.ceil(count / ASKED);
  let n = 0;
  for (const made of makeKeys(count, "mixed")) {
    let record = made;
    // Not always the same place in a row of ten, or all of them would be keys of one kind.
    if (n % every === Math.floor(n / every) % every) {
      const { secret } = makeApiKey(random.bytes);
      secrets.push(secret);
      record = { ...made, hashes: [{ hash: keyHash(secret), generation: 1, notAfterMs: null }] };
    }
    n++;
    table.apply({ op: "put", kind: "key", id: record.id, record });
  }
  return {
    table,
    // A text of its own for every request, as the network gives it: it is the table that is asked from far and near.
    secrets: Array.from({ length: ASKED }, () =>
      Buffer.from(secrets[random.int(0, secrets.length - 1)] ?? "").toString(),
    ),
  };
}

/** Microseconds of CPU per decision: form and checksum, hash, look-up, key, model. */
function time({ table, secrets }: Held): number {
  let admitted = 0;
  const since = process.cpuUsage();
  for (const secret of secrets) {
    if (parseApiKey(secret).kind !== "apiKey") throw new Error("a secret has its form");
    const caller = { hash: keyHash(secret), gatewayId: "gw_000000000001", ip: ADDRESS };
    const decision = admitKey(table, FRESH, caller);
    if (decision.kind !== "admitted") continue;
    if (admitModel(table, decision.principal, "sandbox/echo").kind === "routed") admitted += 1;
  }
  const us = process.cpuUsage(since).user / secrets.length;
  // One in ten has a list of models without this one, one in ten a list of addresses without ours.
  if (admitted < secrets.length * 0.6) throw new Error(`only ${admitted} of ${secrets.length} were admitted`);
  return us;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const few = hold(FEW);
const many = hold(MANY);
const times = { few: [] as number[], many: [] as number[] };
for (let round = 0; round < ROUNDS; round += 1) {
  times.few.push(time(few));
  times.many.push(time(many));
}
const [fewUs, manyUs] = [median(times.few), median(times.many)];
console.log(`${MANY} keys, each request another one: ${manyUs.toFixed(2)} µs per decision`);
console.log(`${FEW} keys, each request another one: ${fewUs.toFixed(2)} µs`);
judge([
  {
    ...{ what: `admit: ${MANY} keys ÷ ${FEW} keys`, value: manyUs / fewUs, unit: "" },
    ...{ is: "≤", toReach: 1.5, stretch: 1.1 },
  },
]);
