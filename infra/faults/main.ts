/**
 * `npm run faults`: real processes under load while everything breaks that may break. Ends with a table and a verdict, and
 * writes docs/reports/faults.md; exits 1 when a promise was broken.
 *
 *   npm run faults                    about ten minutes, every fault, several times
 *   npm run faults -- --seconds 120   as long as that
 *   npm run faults -- --short         one fault of each kind; writes nothing
 *   npm run faults -- --seed 7        the same order again
 *   npm run faults -- --only database faults whose name holds that
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { makeApiKey } from "@claviger/shared/key/secret";
import { seededRandom } from "@claviger/shared/testing/seeded-random";
import { pathOf } from "../house/root.ts";
import { startAdministrator } from "./administrator.ts";
import { catalogue, type Fault } from "./catalogue.ts";
import { untilConfirmed, untilHealed } from "./heal.ts";
import { type Finding, judge, type Run } from "./judge.ts";
import { startLoad } from "./load.ts";
import { type Place, startPlace } from "./place.ts";
import { type Done, faultsPage } from "./report.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    short: { type: "boolean", default: false },
    seed: { type: "string" },
    only: { type: "string", default: "" },
  },
});

const BUDGET_USD = "0.05";
const PER_MINUTE = 120;
const seed = Number(values.seed ?? Math.floor(Date.now() / 1000) % 100_000);
const startedAt = new Date();
const place = await startPlace(say);
try {
  process.exitCode = await prove(place);
} finally {
  await place.stop();
}

async function prove(there: Place): Promise<number> {
  const sinceMs = Date.now();
  const load = startLoad(there.gateways);
  const keys = await makeKeys(there);
  for (const target of keys.targets) load.targets.add(target);
  const administrator = startAdministrator(there, load);
  const done: Done[] = [];
  const possible = catalogue.filter(
    (fault) => (fault.possible?.(there) ?? true) && fault.name.includes(values.only),
  );
  for (const fault of orderOf(possible)) done.push(await suffer(fault, there));
  say("the faults are over");
  const unhealed = await untilConfirmed(administrator);
  await load.stop();
  unhealed.push(...(await untilHealed(there)), ...there.lost);
  const run: Run = { place: there, load, administrator, ...keys, sinceMs, unhealed };
  const findings = await judge(run);
  const told = {
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    versions: `seed ${seed}, Node ${process.version}`,
    ...{ done, findings, failures: administrator.failures },
    leftOut: catalogue.filter((fault) => fault.possible?.(there) === false).map(({ name }) => name),
  };
  const page = faultsPage(told, load.shots, administrator.restrictions);
  if (!values.short) {
    mkdirSync(pathOf("docs/reports"), { recursive: true });
    writeFileSync(pathOf("docs/reports/faults.md"), page);
  }
  say(page);
  return verdict(findings);
}

function verdict(findings: readonly Finding[]): number {
  const failed = findings.filter(({ broken }) => broken.length > 0);
  for (const { invariant, broken } of failed)
    for (const one of broken.slice(0, 20)) say(`FAIL ${invariant}: ${one}`);
  say(failed.length === 0 ? "verdict: every promise was kept" : "verdict: promises were broken");
  say(`${findings.length - failed.length} passed, ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

/** One fault of each kind, or all of them by turns until the time is over; what can only be last comes last. */
function* orderOf(possible: readonly Fault[]): Generator<Fault> {
  const last = possible.filter((fault) => fault.last === true);
  if (values.short) {
    yield* possible.filter((fault) => fault.short === true && fault.last !== true);
    return yield* last;
  }
  const random = seededRandom(seed);
  const untilMs = Date.now() + (Number(values.seconds) - 90) * 1000;
  while (Date.now() < untilMs) {
    const round = possible
      .filter((fault) => fault.last !== true)
      .map((fault) => ({ fault, at: random.next() }));
    for (const { fault } of round.sort((a, b) => a.at - b.at)) {
      if (Date.now() >= untilMs) break;
      yield fault;
    }
  }
  yield* last;
}

async function suffer(fault: Fault, there: Place): Promise<Done> {
  say(fault.name);
  const fromMs = Date.now();
  const heal = await fault.begin(there);
  await pause(values.short ? 2_500 : 4_000 + Math.random() * 6_000);
  const toMs = Date.now();
  await heal();
  await pause(values.short ? 1_000 : 3_000);
  return { name: fault.name, promised: fault.promised, fromMs, toMs };
}

async function makeKeys({ admins, credentials: { projectId } }: Place) {
  const [admin] = admins;
  if (admin === undefined) throw new Error("no control plane");
  const make = (attributes: Record<string, unknown>) => admin.createKey(projectId, attributes);
  const first = await make({ maxStalenessSeconds: 900 });
  const second = await make({ maxStalenessSeconds: 3_600 });
  const budget = await make({ budgetUsd: BUDGET_USD, maxStalenessSeconds: 900 });
  const limit = await make({ requestsPerMinute: PER_MINUTE, maxStalenessSeconds: 900 });
  const stranger = makeApiKey((size) => crypto.getRandomValues(new Uint8Array(size)));
  return {
    steady: [first.id, second.id],
    budgeted: { keyId: budget.id, limitNanos: BigInt(Math.round(Number(BUDGET_USD) * 1e9)) },
    limited: { keyId: limit.id, perMinute: PER_MINUTE },
    madeUp: stranger.id,
    targets: [
      { keyId: first.id, secret: first.secret, perSecond: 3 },
      { keyId: second.id, secret: second.secret, perSecond: 2 },
      { keyId: budget.id, secret: budget.secret, perSecond: 1.5 },
      { keyId: limit.id, secret: limit.secret, perSecond: 1.5 },
      { keyId: stranger.id, secret: stranger.secret, perSecond: 0.2 },
    ],
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
