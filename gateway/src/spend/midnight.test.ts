/** `npm run soak -- steady-budget` by a virtual clock: two gateways, the real escrow and limits of each, across midnight UTC. */
import { emptyEscrow } from "@claviger/shared/escrow/replica-state";
import { LATE_MS_MAX } from "@claviger/shared/escrow/take";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Escrow } from "./escrow.ts";
import { createLimits, type Limits } from "./limits.ts";
import { ORG, TestJournal, verifyNothing } from "./testing/bank.ts";
import { DayOffice, type DayTerms } from "./testing/day-office.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MIDNIGHT_MS = 20_000 * DAY_MS;
const KEY = "key_000000000001";
const BUDGET = "bud_000000000001";
const REPLICAS = ["rep_000000000001", "rep_000000000002"];
const BOOT = "1.aaaaaaaaa";
const log = { debug() {}, info() {}, warn() {}, error() {} };
/** What a request costs, and what it could cost, in nano-dollars. */
const [COST, BOUND] = [10_000n, 30_000n];
/** Each gateway is asked so often. */
const EVERY_MS = 1_500;
const terms: DayTerms = {
  ...{ key: KEY, budget: BUDGET, replicas: REPLICAS, stalenessMs: 30 * MINUTE_MS },
  limit: COST * BigInt(REPLICAS.length * ((60 * MINUTE_MS) / EVERY_MS)),
  requestsPerMinute: 2 * REPLICAS.length * (MINUTE_MS / EVERY_MS),
};

// Promises go on as ever.
const toFake = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] as const;
beforeEach(() => void vi.useFakeTimers({ toFake: [...toFake] }));
const opened: Gateway[] = [];
afterEach(() => {
  for (const gateway of opened.splice(0)) gateway.escrow.close();
  vi.useRealTimers();
});

interface Gateway {
  readonly name: string;
  readonly escrow: Escrow;
  readonly limits: Limits;
  readonly journal: TestJournal;
  requests: number;
}

function start(name: string, office: DayOffice): Gateway {
  const clock = { wallMs: () => Date.now(), monoMs: () => Date.now() };
  const journal = new TestJournal();
  const escrow = new Escrow({
    ...{ org: ORG, state: emptyEscrow({ replica: name, boot: BOOT }), journal, verify: verifyNothing, log },
    ...{ courier: { ask: (body) => office.ask(name, body) }, clock, speak: () => undefined },
  });
  const limits = createLimits({ clock, replicas: () => REPLICAS.length, speak: () => undefined });
  const gateway = { name, escrow, limits, journal, requests: 0 };
  opened.push(gateway);
  return gateway;
}

async function beat({ name, escrow, limits }: Gateway, office: DayOffice): Promise<void> {
  if (!office.alive) return;
  const { escrow: said } = escrow.vitals();
  if (said === undefined) throw new Error("nothing is said of budgets");
  await escrow.take(office.answer(name, said));
  limits.take(office.rates(name, limits.report()), REPLICAS.length);
}

/** One request from its admission to its settlement; which day it was charged to, or why it was refused. */
async function request(gateway: Gateway, office: DayOffice): Promise<number | string> {
  const { name, escrow, limits, journal } = gateway;
  const { requestsPerMinute, stalenessMs } = terms;
  const who = { keyId: KEY, requestsPerMinute, tokensPerMinute: null, maxConcurrency: null };
  if (!limits.enter(who)) return "concurrency";
  try {
    if (!limits.takeRate(who, 10).ok) return "rate";
    escrow.wanted([BUDGET], BOUND, stalenessMs);
    const id = `req_${gateway.requests++}`;
    const held = escrow.hold({ id, budgets: [BUDGET], nanos: BOUND, about: null }, 1_000);
    let answer: string | undefined;
    void held.then((said) => {
      answer = said;
    });
    await vi.advanceTimersByTimeAsync(0);
    // Whoever waits for money does so for a second.
    if (answer === undefined) await vi.advanceTimersByTimeAsync(1_000);
    answer = await held;
    if (answer !== "held") return answer;
    const spent = escrow.settle(id, COST);
    office.count(name, journal.seq, spent);
    return spent.charges?.[0]?.startMs ?? "not charged";
  } finally {
    limits.leave(who);
  }
}

test("control plane gone from 23:55 to 00:05, a daily budget worth an hour: two gateways go on admitting, each request in its day", async () => {
  // When slices of the next day are given away already, and nobody knows yet how much this key will spend.
  const fromMs = MIDNIGHT_MS - 15 * MINUTE_MS;
  vi.setSystemTime(fromMs);
  const office = new DayOffice(terms);
  const gateways = REPLICAS.map((name) => start(name, office));
  for (const gateway of gateways) await beat(gateway, office);
  const charged = new Map<number, number>();
  for (let atMs = fromMs; atMs < MIDNIGHT_MS + 5 * MINUTE_MS; atMs += EVERY_MS) {
    office.alive = atMs < MIDNIGHT_MS - 5 * MINUTE_MS;
    for (const gateway of gateways) {
      if (atMs % 3_000 === 0) await beat(gateway, office);
      const day = await request(gateway, office);
      // The first ones of a key wait for its share, which comes with the next heartbeat.
      if (typeof day === "string" && atMs < fromMs + MINUTE_MS) continue;
      const when = `${gateway.name} at ${new Date(atMs).toISOString()}`;
      const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
      // For a moment the day that is over is still charged: the control plane's clock may be behind.
      const may = Date.now() - today <= LATE_MS_MAX ? [today, today - DAY_MS] : [today];
      expect(may, `${when}: ${day}`).toContain(day);
      charged.set(Number(day), (charged.get(Number(day)) ?? 0) + 1);
    }
    await vi.advanceTimersByTimeAsync(Math.max(0, atMs + EVERY_MS - Date.now()));
  }
  expect([...charged.keys()]).toEqual([MIDNIGHT_MS - DAY_MS, MIDNIGHT_MS]);
  const ofTheNext = (REPLICAS.length * (5 * MINUTE_MS - LATE_MS_MAX)) / EVERY_MS;
  expect(charged.get(MIDNIGHT_MS)).toBeGreaterThanOrEqual(ofTheNext - REPLICAS.length);
  for (const { spent, open, limit } of office.rows.values()) expect(spent + open <= limit).toBe(true);
}, 120_000);
