/**
 * The proof that no attempt is missing from usage and none is there twice, whatever is killed: gateways, control plane,
 * PostgreSQL and nats-server end by SIGKILL in the midst of load, again and again, and where asked for all that NATS has is
 * deleted with it. Afterwards the provider's ledger and PostgreSQL are compared attempt by attempt.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { Agent, request } from "undici";
import type { ChildName } from "../../local/types.ts";
import type { World } from "../support/world.ts";
import { type Bill, compareAndKeep, readBill, readUsage, type UsageRow } from "./ledgers.ts";
import { quiet } from "./quiet.ts";

export interface KillsRun {
  readonly forMs: number;
  /** Between two kills: at least, at most. */
  readonly everyMs: readonly [number, number];
  /** Callers at each gateway, for each of the two keys. */
  readonly callers: number;
  /** All that NATS has is deleted whenever it is killed. */
  readonly wipeNats: boolean;
}

export interface KillsFigures {
  readonly kills: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  /** By key: with a budget, and without one. */
  readonly keys: Readonly<Record<string, KeyFigures>>;
  readonly settlingMs: number;
}

interface KeyFigures {
  readonly attempts: number;
  readonly rows: Readonly<Record<string, number>>;
  /** Nano-dollars. */
  readonly billed: bigint;
  readonly counted: bigint;
}

/** One run; throws when an attempt is missing, is there twice, or is counted as what it was not. */
export async function proveKills(world: World, run: KillsRun): Promise<KillsFigures> {
  const sinceMs = Date.now();
  const attributes = { maxStalenessSeconds: 3_600 };
  const budgeted = await world.admin.createKey(world.projectId, {
    ...{ ...attributes, budgetUsd: "1000", budgetPeriod: "total" },
  });
  const unlimited = await world.admin.createKey(world.projectId, attributes);
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  const answered = new Map<string, string>();
  const outcomes: Record<string, number> = {};
  const untilMs = performance.now() + run.forMs;
  const callers = [budgeted, unlimited].flatMap(({ id, secret }) =>
    world.gateways.flatMap(({ name, url }) =>
      Array.from({ length: run.callers }, async (_, n) => {
        for (let time = 1; performance.now() < untilMs; time++) {
          const asked = { agent, url, secret, n, time, mark: `${id}.${name}.${n}.${time}`, answered };
          const outcome = await askOnce(asked).catch(() => "lost");
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
          await delay(outcome === "200" ? 20 : 300);
        }
      }),
    ),
  );
  const [kills] = await Promise.all([killAtRandom(world, run, untilMs), ...callers]);
  await agent.close();
  const endedMs = performance.now();
  await quiet(world);
  const keys = {
    budgeted: await compare(world, { keyId: budgeted.id, sinceMs, answered }, true),
    unlimited: await compare(world, { keyId: unlimited.id, sinceMs, answered }, false),
  };
  return { kills, outcomes, keys, settlingMs: performance.now() - endedMs };
}

/** A few lines for a person. */
export function tellKills({ kills, outcomes, keys, settlingMs }: KillsFigures): string {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, n]) => `${n} ${name}`)
      .join(", ");
  const usd = (nanos: bigint) => `$${(Number(nanos) / 1e9).toFixed(6)}`;
  const lines = Object.entries(keys).map(
    ([name, { attempts, rows, billed, counted }]) =>
      `  key ${name}: ${attempts} attempts billed ${usd(billed)}, rows ${list(rows)} counted ${usd(counted)}`,
  );
  const settled = `settled ${(settlingMs / 1000).toFixed(0)} s after the end`;
  return [`killed: ${list(kills)}; answers: ${list(outcomes)}; ${settled}`, ...lines].join("\n");
}

interface Asked {
  readonly agent: Agent;
  readonly url: string;
  readonly secret: string;
  readonly n: number;
  readonly time: number;
  readonly mark: string;
  readonly answered: Map<string, string>;
}

async function askOnce({ agent, url, secret, n, time, mark, answered }: Asked): Promise<string> {
  const stream = (n + time) % 2 === 0;
  const max = 20 + Math.floor(Math.random() * 100);
  const steering = {
    mark,
    latencyMs: Math.floor(Math.random() * 200),
    outputTokens: Math.ceil(max * Math.random()),
    ...(stream ? { chunks: 1 + Math.floor(Math.random() * 4), chunkMs: 20 } : {}),
    ...(time % 50 === 7 ? { status: 500 } : {}),
  };
  const answer = await request(`${url}/v1/chat/completions`, {
    ...{ dispatcher: agent, method: "POST", body: bodyOf(stream, max) },
    headers: {
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
      "x-sandbox": JSON.stringify(steering),
    },
  });
  answered.set(mark, String(answer.headers["x-request-id"]));
  await answer.body.dump({ limit: 10_000_000 });
  return String(answer.statusCode);
}

function bodyOf(stream: boolean, max: number): string {
  const messages = [{ role: "user", content: "x".repeat(Math.floor(Math.random() * 60)) }];
  return JSON.stringify({ model: "sandbox/story", stream, max_tokens: max, messages });
}

/** Each of them in a random order, then again; the supervisor starts it anew. */
async function killAtRandom(
  world: World,
  { everyMs: [least, most], wipeNats }: KillsRun,
  untilMs: number,
): Promise<Record<string, number>> {
  const names: ChildName[] = ["control-plane", "postgres", "nats"];
  for (const { name } of world.gateways) names.push(`gateway-${name}`);
  const kills: Record<string, number> = {};
  let next: ChildName[] = [];
  for (;;) {
    await delay(least + Math.random() * (most - least));
    if (performance.now() >= untilMs) return kills;
    if (next.length === 0) next = names.toSorted(() => Math.random() - 0.5);
    const name = next.shift() as ChildName;
    // One that is down already is on its way back.
    if (world.stack.child(name).pid === null) continue;
    world.stack.child(name).kill("SIGKILL");
    kills[name] = (kills[name] ?? 0) + 1;
    if (name === "nats" && wipeNats)
      rmSync(join(world.stack.home, "nats", "accounts"), { recursive: true, force: true });
  }
}

async function compare(
  world: World,
  about: { readonly keyId: string; readonly sinceMs: number; readonly answered: ReadonlyMap<string, string> },
  hard: boolean,
): Promise<KeyFigures> {
  const { keyId, sinceMs } = about;
  const sql = postgres(world.stack.urls.postgres, { max: 1 });
  try {
    const billed = await readBill(world.sandboxUrl, sinceMs, keyId);
    const rows = await readUsage(sql, keyId);
    const answered = new Map([...about.answered].filter(([mark]) => mark.startsWith(keyId)));
    compareAndKeep({ billed, rows, answered }, hard);
    const figures = figuresOf(billed, rows);
    if (hard) await compareEnforced(sql, keyId, figures.counted);
    return figures;
  } finally {
    await sql.end();
  }
}

/** What the budget has counted as spent is the sum of the rows. */
async function compareEnforced(sql: postgres.Sql, keyId: string, counted: bigint): Promise<void> {
  const [row] = await sql<{ spent: string }[]>`
    select p.spent_n::text as spent from budget_period p
    join api_key k on k.budget_id = p.budget_id where k.id = ${keyId}`;
  if (BigInt(row?.spent ?? 0) !== counted)
    throw new Error(`${row?.spent} are enforced and ${counted} are in the rows`);
}

function figuresOf(billed: readonly Bill[], rows: readonly UsageRow[]): KeyFigures {
  const counts: Record<string, number> = {};
  for (const { basis, cost } of rows) {
    const name = cost === 0n ? "not billed" : basis;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return {
    ...{ attempts: billed.length, rows: counts },
    billed: billed.reduce((sum, { nanos }) => sum + nanos, 0n),
    counted: rows.reduce((sum, { cost }) => sum + (cost ?? 0n), 0n),
  };
}
