/**
 * Open-loop load in a thread of its own: requests begin by the clock, not when earlier ones return, so a gateway that
 * stalls is asked all the same and the busy test thread delays nobody.
 */
import { parentPort } from "node:worker_threads";
import { Agent, request } from "undici";
import type { Aim, FromWorker, Shot, ToWorker } from "./shots.ts";

const TICK_MS = 2;

interface Firing {
  readonly aim: Aim;
  readonly startedNs: bigint;
  fired: number;
}

type Awaited = Extract<ToWorker, { kind: "await" }>;

if (parentPort === null) throw new Error("load-worker.ts runs as a worker thread");
const port = parentPort;
const say = (message: FromWorker) => port.postMessage(message);
const agent = new Agent({ connections: 128, headersTimeout: 120_000, bodyTimeout: 120_000 });
let firings: Firing[] = [];
let shots: Shot[] = [];
let awaited: Awaited[] = [];
const inFlight = new Set<Promise<void>>();

function codeOf(text: string): string | null {
  try {
    const code: unknown = JSON.parse(text)?.error?.code;
    return typeof code === "string" ? code : null;
  } catch {
    return null;
  }
}

async function ask(aim: Aim): Promise<{ status: number; code: string | null }> {
  try {
    const answer = await request(`${aim.url}/v1/chat/completions`, {
      method: "POST",
      dispatcher: agent,
      headers: { authorization: `Bearer ${aim.secret}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: aim.model,
        max_tokens: 8,
        messages: [{ role: "user", content: aim.tag }],
      }),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, code: answer.statusCode === 200 ? null : codeOf(text) };
  } catch (error) {
    return { status: 0, code: error instanceof Error ? error.message : String(error) };
  }
}

async function fire(aim: Aim): Promise<void> {
  const startedNs = process.hrtime.bigint();
  const { status, code } = await ask(aim);
  shots.push({
    tag: aim.tag,
    gateway: aim.gateway,
    startedNs,
    finishedNs: process.hrtime.bigint(),
    status,
    code,
  });
  awaited = awaited.filter((wish) => !reached(wish));
}

function reached(wish: Awaited): boolean {
  const wanted = firings.filter(({ aim }) => wish.tags.includes(aim.tag));
  const done = wanted.every(({ aim }) => {
    const hits = shots.filter(
      (shot) =>
        shot.tag === aim.tag &&
        shot.gateway === aim.gateway &&
        shot.startedNs > wish.afterNs &&
        (wish.status === null || shot.status === wish.status),
    );
    return hits.length >= wish.count;
  });
  if (done) say({ kind: "reached", id: wish.id });
  return done;
}

function tick(): void {
  const nowNs = process.hrtime.bigint();
  for (const firing of firings) {
    const due = Math.floor((Number(nowNs - firing.startedNs) / 1e9) * firing.aim.perSecond);
    for (; firing.fired < due; firing.fired += 1) {
      const shot = fire(firing.aim).finally(() => inFlight.delete(shot));
      inFlight.add(shot);
    }
  }
}
const timer = setInterval(tick, TICK_MS);

async function cease(id: number): Promise<void> {
  firings = [];
  awaited = [];
  await Promise.all(inFlight);
  say({ kind: "ceased", id, shots });
  shots = [];
}

port.on("message", (message: ToWorker) => {
  if (message.kind === "aim") {
    firings = message.aims.map((aim) => ({ aim, startedNs: process.hrtime.bigint(), fired: 0 }));
  } else if (message.kind === "await") {
    if (!reached(message)) awaited.push(message);
  } else {
    void cease(message.id);
  }
});
port.on("close", () => {
  clearInterval(timer);
  agent.destroy();
});
