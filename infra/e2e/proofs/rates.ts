/** Requests at several gateways with one limited key, and what one central bucket would have made of them. */
import { wholeOf } from "@claviger/shared/rate/limit";
import type { MadeKey } from "../support/admin.ts";
import type { World } from "../support/world.ts";

/** So long each gateway is asked this often per second. */
export interface RatePhase {
  readonly name: string;
  readonly seconds: number;
  readonly perSecond: readonly number[];
}

/** One request: when it was sent, and when its answer was there. */
interface RateShot {
  readonly gateway: number;
  readonly beginMs: number;
  readonly endMs: number;
  readonly status: number;
}

export interface RatePhaseResult {
  readonly phase: RatePhase;
  readonly beginMs: number;
  readonly endMs: number;
  readonly shots: readonly RateShot[];
}

/** Fires at every gateway at the pace of each phase, whatever becomes of the requests. */
export async function fireRates(
  world: World,
  key: Pick<MadeKey, "secret">,
  phases: readonly RatePhase[],
  begin: (phase: RatePhase) => Promise<void> = async () => undefined,
): Promise<RatePhaseResult[]> {
  const results: RatePhaseResult[] = [];
  for (const phase of phases) {
    await begin(phase);
    const beginMs = performance.now();
    const endMs = beginMs + phase.seconds * 1_000;
    const shots = await Promise.all(
      world.gateways.map(({ url }, gateway) =>
        fireAt(url, key.secret, gateway, phase.perSecond[gateway] ?? 0, endMs),
      ),
    );
    results.push({ phase, beginMs, endMs, shots: shots.flat() });
  }
  return results;
}

async function fireAt(
  url: string,
  secret: string,
  gateway: number,
  perSecond: number,
  endMs: number,
): Promise<RateShot[]> {
  const shots: Promise<RateShot>[] = [];
  let nextMs = performance.now();
  while (perSecond > 0 && nextMs < endMs) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, nextMs - performance.now())));
    shots.push(fire(url, secret, gateway));
    nextMs += (2 * Math.random() * 1_000) / perSecond;
  }
  return Promise.all(shots);
}

async function fire(url: string, secret: string, gateway: number): Promise<RateShot> {
  const beginMs = performance.now();
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "sandbox/echo",
      max_tokens: 8,
      messages: [{ role: "user", content: "hi" }],
    }),
  });
  await answer.arrayBuffer();
  return { gateway, beginMs, endMs: performance.now(), status: answer.status };
}

const isAdmitted = ({ status }: RateShot) => status === 200;

/**
 * By how many requests one bucket of this limit was exceeded, at most, in any time from a request's beginning to another's
 * end: those that began and ended within it were surely admitted within it. At most 0 is what one bucket admits.
 */
export function excessOf(perMinute: number, results: readonly RatePhaseResult[]): number {
  const { rate, burst } = wholeOf(perMinute);
  const admitted = results.flatMap(({ shots }) => shots.filter(isAdmitted));
  const byEnd = admitted.toSorted((a, b) => a.endMs - b.endMs);
  let most = Number.NEGATIVE_INFINITY;
  for (const { beginMs } of admitted) {
    let n = 0;
    for (const shot of byEnd) {
      if (shot.beginMs < beginMs) continue;
      n++;
      most = Math.max(most, n - burst - rate * (shot.endMs - beginMs));
    }
  }
  return most;
}

export interface RateFigures {
  readonly name: string;
  readonly admitted: number;
  readonly refused: number;
  readonly other: number;
  /** Of what the limit's rate allows in this time, without a burst; the first seconds are left out. */
  readonly used: number;
  /** Admitted by each gateway. */
  readonly perGateway: readonly number[];
}

export function figuresOfRates(
  perMinute: number,
  { phase, beginMs, endMs, shots }: RatePhaseResult,
  settleSeconds: number,
): RateFigures {
  const fromMs = beginMs + settleSeconds * 1_000;
  const counted = shots.filter((shot) => isAdmitted(shot) && shot.beginMs >= fromMs && shot.beginMs < endMs);
  return {
    name: phase.name,
    admitted: shots.filter(isAdmitted).length,
    refused: shots.filter(({ status }) => status === 429).length,
    other: shots.filter(({ status }) => status !== 429 && status !== 200).length,
    used: counted.length / ((perMinute / 60) * ((endMs - fromMs) / 1_000)),
    perGateway: phase.perSecond.map(
      (_, gateway) => shots.filter((shot) => isAdmitted(shot) && shot.gateway === gateway).length,
    ),
  };
}

export function printRates({ name, admitted, refused, other, used, perGateway }: RateFigures): string {
  const percent = (used * 100).toFixed(1);
  return `${name}: ${admitted} admitted (${perGateway.join(" + ")}), ${refused} refused, ${other} other; ${percent} % of the limit used`;
}
