/**
 * `npm run bench -- escrow`: eight gateways and one key with a dollar, 2 000 requests offered in each second until none is
 * served any more; what the provider has billed, ÷ the limit. Never above 1: that is a promise, and the rest is stranded.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import { type Bill, readBill } from "../e2e/proofs/ledgers.ts";
import { quiet } from "../e2e/proofs/quiet.ts";
import { startWorld, type World } from "../e2e/support/world.ts";
import { judge } from "./parts/verdict.ts";

const LIMIT = 1_000_000_000n;
const PER_SECOND = 2_000;
/** Nothing was served for so long: nothing is left that a request could be served from. */
const QUIET_MS = 3_000;
const RUN_MS_MAX = 180_000;
/** Asked for and not answered: what a machine cannot do is not offered twice. */
const WAITING_MAX = 4_000;
/** Of output: a dollar is for some 20 000 requests. */
const TOKENS = 20;

const offsets = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`gw-${n}`, n] as const);
const world = await startWorld({ gateways: Object.fromEntries(offsets) });
try {
  const key = await world.admin.createKey(world.projectId, { budgetUsd: "1.00", budgetPeriod: "total" });
  const sinceMs = Date.now();
  const { offered, answers, seconds } = await offer(world, key);
  await quiet(world);
  const billed = (await readBill(world.sandboxUrl, sinceMs, key.id)).reduce(
    (all, { nanos }: Bill) => all + nanos,
    0n,
  );
  const counts = Object.entries(answers).map(([status, n]) => `${n} ${status}`);
  console.log(
    `escrow: 8 gateways, $1, ${TOKENS} tokens each; ${(offered / seconds).toFixed(0)} requests/s offered`,
  );
  console.log(`for ${seconds.toFixed(0)} s: ${counts.join(", ")}; billed ${billed} of ${LIMIT} nano-dollars`);
  const value = Number(billed) / Number(LIMIT);
  judge([
    { what: "billed ÷ limit", value, unit: "", is: "≤", toReach: 1, stretch: 1 },
    { what: "billed ÷ limit at the end", value, unit: "", is: "≥", toReach: 0.99, stretch: 0.999 },
  ]);
} finally {
  await world.stack.stop();
}

interface Offered {
  readonly offered: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** An open load: what is slow is not waited for. */
async function offer({ gateways }: World, { id, secret }: { id: string; secret: string }): Promise<Offered> {
  const agent = new Agent({ connections: 64, headersTimeout: 0, bodyTimeout: 0 });
  const answers: Record<string, number> = {};
  const waiting = new Set<Promise<void>>();
  const startedMs = performance.now();
  let [offered, servedMs] = [0, startedMs];
  const ask = async (url: string) => {
    const status = await askOnce(agent, url, secret, `${id}.${offered}`).catch(() => "lost");
    answers[status] = (answers[status] ?? 0) + 1;
    if (status === "200") servedMs = performance.now();
  };
  while (performance.now() - servedMs < QUIET_MS && performance.now() - startedMs < RUN_MS_MAX) {
    const due = ((performance.now() - startedMs) / 1_000) * PER_SECOND;
    while (offered < due && waiting.size < WAITING_MAX) {
      const asking = ask(gateways[offered % gateways.length]?.url ?? "");
      waiting.add(asking);
      void asking.finally(() => waiting.delete(asking));
      offered++;
    }
    await delay(5);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  await Promise.all(waiting);
  await agent.close();
  return { offered, answers, seconds };
}

async function askOnce(agent: Agent, url: string, secret: string, mark: string): Promise<string> {
  const answer = await request(`${url}/v1/chat/completions`, {
    dispatcher: agent,
    method: "POST",
    headers: {
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
      "x-sandbox": JSON.stringify({ mark, outputTokens: TOKENS }),
    },
    body: JSON.stringify({
      ...{ model: "sandbox/story", max_tokens: TOKENS },
      messages: [{ role: "user", content: "x" }],
    }),
  });
  await answer.body.dump({ limit: 1_000_000 });
  return String(answer.statusCode);
}
