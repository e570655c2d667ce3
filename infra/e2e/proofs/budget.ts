/**
 * The proof that a budget is hard over all gateways together: everybody asks at once, streaming and not, some leave, some
 * providers fail, and (with faults) one gateway is killed, one frozen and the control plane restarted at random moments.
 * What the provider has billed is compared with the limit and, row by row, with the control plane's ledger.
 */
import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { Agent, request } from "undici";
import type { World } from "../support/world.ts";
import { type Bill, compareAndKeep, readBill, readUsage, type UsageRow } from "./ledgers.ts";
import { quiet } from "./quiet.ts";

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
const FROZEN_MS = 4_000;
/** No request is bounded by more nano-dollars than its output and some 300 tokens in. What is less may be left. */
const boundMax = (tokens: number) => BigInt(2_000 * tokens + 300_000);

/** Connections stay from run to run: to make them anew takes longer than to spend the money. */
let agent: Agent | undefined;

/** One run; throws when a promise is broken. */
export async function proveBudget(world: World, run: BudgetRun): Promise<BudgetFigures> {
  agent ??= new Agent({ connections: run.requestsPerGateway, headersTimeout: 0, bodyTimeout: 0 });
  const dispatcher = agent;
  const sinceMs = Date.now();
  const startedMs = performance.now();
  const attributes = { budgetUsd: run.limitUsd, budgetPeriod: "total" };
  const key = await world.admin.createKey(world.projectId, attributes);
  const limit = BigInt(Math.round(Number(run.limitUsd) * 1e9));
  const sql = postgres(world.stack.urls.postgres, { max: 1 });
  const answered = new Map<string, string>();
  const exhausted = new AbortController();
  setMaxListeners(0, exhausted.signal);
  try {
    const outcomes: Record<string, number> = {};
    const callers = world.gateways.flatMap(({ name, url }) =>
      Array.from({ length: run.requestsPerGateway }, async (_, n) => {
        const mark = `${key.id}.${name}.${n}`;
        const outcome = await ask({
          agent: dispatcher,
          url,
          secret: key.secret,
          n,
          run,
          mark,
          answered,
          exhausted,
        });
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
    await sql.end();
  }
}

/** Nobody runs any more. */
export async function closeBudgetRuns(): Promise<void> {
  await agent?.close();
  agent = undefined;
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
    compareAndKeep(ledgers, true);
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
  /** Aborted when somebody was told that nothing is left: less than the bound of one request. */
  readonly exhausted: AbortController;
}

/**
 * Asks until it is served or told that there is nothing left; a share that cannot be had now is asked for again. When
 * somebody was told so, one in four of those who still wait asks once more and all end: more would prove no more.
 */
async function ask(caller: Caller): Promise<string> {
  const { exhausted, mark, n } = caller;
  const deadlineMs = performance.now() + RUN_MS_MAX;
  for (let time = 1; performance.now() < deadlineMs; time++) {
    const isLast = exhausted.signal.aborted;
    const outcome = await askOnce(caller, `${mark}.${time}`).catch(() => "lost");
    if (outcome === "402") exhausted.abort();
    if (outcome !== "503" && outcome !== "lost") return outcome;
    if (isLast) return outcome;
    // As `retry-after` says; asked for every moment, it is the machine that would be measured.
    const restMs = outcome === "503" ? 4_000 + Math.random() * 2_000 : 300 + Math.random() * 700;
    await delay(restMs, undefined, { signal: exhausted.signal }).catch(() => undefined);
    if (exhausted.signal.aborted && n % 4 !== 0) return outcome;
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
