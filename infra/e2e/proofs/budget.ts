/**
 * The proof that a budget is hard over all gateways together: everybody asks at once, streaming and not, some leave, some
 * providers fail, and (with faults) one gateway is killed, one frozen and the control plane restarted at random moments.
 * What the provider has billed is compared with the limit and, row by row, with the control plane's ledger.
 */
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { Agent, request } from "undici";
import type { World } from "../support/world.ts";
import { type Bill, compareLedgers, readBill, readUsage, type UsageRow } from "./ledgers.ts";

export interface BudgetRun {
  readonly limitUsd: string;
  readonly requestsPerGateway: number;
  /** Of output, that a request asks for at most. */
  readonly tokensMax: number;
  /** Callers that leave, and answers that break off. */
  readonly aborts: boolean;
  /** One gateway killed, one frozen, the control plane restarted, each within so many milliseconds; undefined: none of that. */
  readonly faultsWithinMs?: number;
}

/** Nano-dollars. */
export interface BudgetFigures {
  readonly limit: bigint;
  readonly billed: bigint;
  /** What the control plane has counted, in its rows and in the budget that it enforces. */
  readonly counted: bigint;
  readonly enforced: bigint;
  /** Held by gateways and not spent, at the end. */
  readonly stranded: bigint;
  readonly attempts: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Until everybody was served or told that there is nothing left, and from then until all of it was counted. */
  readonly spendingMs: number;
  readonly settlingMs: number;
}

const RUN_MS_MAX = 240_000;
const QUIET_MS_MAX = 120_000;
const FROZEN_MS = 4_000;
/** No request is bounded by more nano-dollars than its output and some 300 tokens in. What is less may be left. */
const boundMax = (tokens: number) => BigInt(2_000 * tokens + 300_000);

/** One run; throws when a promise is broken. */
export async function proveBudget(world: World, run: BudgetRun): Promise<BudgetFigures> {
  const sinceMs = Date.now();
  const startedMs = performance.now();
  const attributes = { budgetUsd: run.limitUsd, budgetPeriod: "total" };
  const key = await world.admin.createKey(world.projectId, attributes);
  const limit = BigInt(Math.round(Number(run.limitUsd) * 1e9));
  const agent = new Agent({ connections: run.requestsPerGateway, headersTimeout: 0, bodyTimeout: 0 });
  const sql = postgres(world.stack.urls.postgres, { max: 1 });
  const answered = new Map<string, string>();
  try {
    const outcomes: Record<string, number> = {};
    const callers = world.gateways.flatMap(({ name, url }) =>
      Array.from({ length: run.requestsPerGateway }, async (_, n) => {
        const mark = `${key.id}.${name}.${n}`;
        const outcome = await ask({ agent, url, secret: key.secret, n, run, mark, answered });
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }),
    );
    await Promise.all([
      ...callers,
      ...(run.faultsWithinMs === undefined ? [] : faults(world, run.faultsWithinMs)),
    ]);
    const spentMs = performance.now();
    await quiet(world);
    const settledMs = performance.now();
    const billed = await readBill(world.sandboxUrl, sinceMs, key.id);
    const rows = await readUsage(sql, key.id);
    const [row] = await sql<{ spent: string; open: string }[]>`
      select p.spent_n::text as spent, p.open_n::text as open from budget_period p
      join api_key k on k.budget_id = p.budget_id where k.id = ${key.id}`;
    const figures = {
      ...{ limit, billed: sum(billed.map(({ nanos }) => nanos)), counted: sum(rows.map(costOf)) },
      ...{ enforced: BigInt(row?.spent ?? 0), stranded: BigInt(row?.open ?? 0) },
      ...{ attempts: billed.length, rows: countBy(rows), outcomes },
      ...{ spendingMs: spentMs - startedMs, settlingMs: settledMs - spentMs },
    };
    check(figures, { billed, rows, answered }, run);
    return figures;
  } finally {
    await Promise.all([agent.close(), sql.end()]);
  }
}

/** One line for a person. */
export function tellBudget({
  limit,
  billed,
  counted,
  stranded,
  attempts,
  rows,
  outcomes,
  spendingMs,
  settlingMs,
}: BudgetFigures): string {
  const usd = (nanos: bigint) => `$${(Number(nanos) / 1e9).toFixed(6)}`;
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, n]) => `${n} ${name}`)
      .join(", ");
  return (
    `limit ${usd(limit)}, billed ${usd(billed)} (${attempts} attempts), counted ${usd(counted)} (${list(rows)}), ` +
    `stranded ${usd(stranded)}; ${list(outcomes)}; ` +
    `spent in ${(spendingMs / 1000).toFixed(0)} s, counted ${(settlingMs / 1000).toFixed(0)} s later`
  );
}

/** The identity of the ledgers, and the limit. */
function check(
  figures: BudgetFigures,
  ledgers: {
    readonly billed: readonly Bill[];
    readonly rows: readonly UsageRow[];
    readonly answered: ReadonlyMap<string, string>;
  },
  run: BudgetRun,
): void {
  const fail = (what: string) => {
    throw new Error(`${what}: ${tellBudget(figures)}`);
  };
  if (figures.billed > figures.limit) fail("the provider has billed more than the limit");
  if (figures.counted < figures.billed) fail("the ledger is below the bill");
  if (figures.enforced !== figures.counted)
    fail(`${figures.enforced} are enforced and ${figures.counted} counted`);
  try {
    compareLedgers(ledgers, true);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
  const unspent = figures.limit - figures.billed;
  const calm = run.faultsWithinMs === undefined && !run.aborts;
  if (calm && unspent > boundMax(run.tokensMax) && unspent * 100n > figures.limit)
    fail("money was left unspent");
}

interface Caller {
  readonly agent: Agent;
  readonly url: string;
  readonly secret: string;
  readonly n: number;
  readonly run: BudgetRun;
  /** Each time it asks, the provider is told another mark that begins so. */
  readonly mark: string;
  readonly answered: Map<string, string>;
}

/** Asks until it is served or told that there is nothing left; a share that cannot be had now is asked for again. */
async function ask(caller: Caller): Promise<string> {
  const deadlineMs = performance.now() + RUN_MS_MAX;
  for (let time = 1; performance.now() < deadlineMs; time++) {
    const outcome = await askOnce(caller, `${caller.mark}.${time}`).catch(() => "lost");
    if (outcome !== "503" && outcome !== "lost") return outcome;
    // Sooner than `retry-after` says, which is 5 s; asked for every moment it is the machine that is measured.
    await delay(outcome === "503" ? 1_500 + Math.random() * 3_000 : 300 + Math.random() * 700);
  }
  return "gave up";
}

async function askOnce(
  { agent, url, secret, n, run: { aborts, tokensMax }, answered }: Caller,
  mark: string,
): Promise<string> {
  const stream = n % 2 === 0;
  const max = Math.ceil(tokensMax * (0.1 + 0.9 * Math.random()));
  const leaves = aborts && n % 10 === 3;
  const steering = {
    mark,
    latencyMs: Math.floor(Math.random() * 300),
    outputTokens: Math.ceil(max * Math.random()),
    ...(stream ? { chunks: 1 + Math.floor(Math.random() * 5), chunkMs: 20 } : {}),
    ...(n % 25 === 7 ? { status: 500 } : {}),
    ...(aborts && n % 20 === 12 ? { failAfterChunks: 1 } : {}),
  };
  const signal = leaves ? AbortSignal.timeout(50 + Math.floor(Math.random() * 400)) : undefined;
  try {
    const answer = await request(`${url}/v1/chat/completions`, {
      dispatcher: agent,
      method: "POST",
      headers: {
        authorization: `Bearer ${secret}`,
        "content-type": "application/json",
        "x-sandbox": JSON.stringify(steering),
      },
      body: JSON.stringify({
        ...{ model: "sandbox/story", stream, max_tokens: max },
        messages: [{ role: "user", content: "x".repeat(Math.floor(Math.random() * 120)) }],
      }),
      ...(signal === undefined ? {} : { signal }),
    });
    answered.set(mark, String(answer.headers["x-request-id"]));
    await answer.body.dump({ limit: 10_000_000 });
    return String(answer.statusCode);
  } catch (error) {
    if (leaves) return "left";
    throw error;
  }
}

function faults(world: World, withinMs: number): Promise<void>[] {
  const [killed, frozen] = [...world.gateways].sort(() => Math.random() - 0.5);
  const soon = () => delay(200 + Math.random() * withinMs);
  const child = (name = "") => world.stack.child(`gateway-${name}`);
  return [
    soon().then(() => child(killed?.name).kill("SIGKILL")),
    soon().then(async () => {
      child(frozen?.name).kill("SIGSTOP");
      await delay(FROZEN_MS);
      child(frozen?.name).kill("SIGCONT");
    }),
    soon().then(async () => {
      await world.stack.child("control-plane").stop();
      await world.stack.child("control-plane").start();
    }),
  ];
}

/** Resolves when nothing is in flight and PostgreSQL has everything that gateways have written down. */
async function quiet(world: World): Promise<void> {
  const deadlineMs = performance.now() + QUIET_MS_MAX;
  const isQuiet = async (url: string) => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const of = (name: string) => Number(new RegExp(`^${name} (.+)$`, "m").exec(metrics)?.[1]);
    return of("claviger_requests_inflight") === 0 && of("claviger_usage_outbox_events") === 0;
  };
  let quietRounds = 0;
  while (quietRounds < 3) {
    if (performance.now() > deadlineMs) throw new Error("usage did not reach the control plane");
    await delay(500);
    const all = await Promise.all(world.gateways.map(({ url }) => isQuiet(url).catch(() => false)));
    quietRounds = all.every(Boolean) ? quietRounds + 1 : 0;
  }
}

function costOf({ cost }: UsageRow): bigint {
  return cost ?? 0n;
}

function countBy(rows: readonly UsageRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { basis, cost } of rows) {
    const name = cost === 0n ? "not billed" : basis;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function sum(list: readonly bigint[]): bigint {
  return list.reduce((total, each) => total + each, 0n);
}
