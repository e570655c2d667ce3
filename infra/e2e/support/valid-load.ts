/**
 * Requests with valid keys, begun by the clock, each with another key. A client that is refused because a gateway is down
 * or not ready goes to the next one, as a client of several gateways does; whatever else it is told is kept.
 */
import { Agent, request } from "undici";

export interface ValidTally {
  /** Answered 200 by the first gateway that was asked. */
  readonly atOnce: number;
  /** By another one, after the first could not. */
  readonly elsewhere: number;
  /** By none. */
  readonly nowhere: number;
  /** What gateways that could not serve said: a 503's code, or that there was no connection. */
  readonly away: Readonly<Record<string, number>>;
  /** Anything else than 200 and 503: never right for a valid key. */
  readonly wrong: readonly string[];
}

export interface ValidLoad {
  tally(): ValidTally;
  /** Stops, and waits for what is in flight. */
  stop(): Promise<ValidTally>;
}

const TICK_MS = 5;

/** Fires `perSecond` requests at each of the gateways, with random ones of these secrets. */
export function startValidLoad(
  urls: readonly string[],
  secrets: readonly string[],
  perSecond: number,
): ValidLoad {
  const agent = new Agent({ connections: 64, headersTimeout: 60_000, bodyTimeout: 60_000 });
  const count = { atOnce: 0, elsewhere: 0, nowhere: 0 };
  const away: Record<string, number> = {};
  const wrong: string[] = [];
  const inFlight = new Set<Promise<void>>();
  const startedMs = performance.now();
  let fired = 0;
  const fire = async (first: number) => {
    const secret = secrets[Math.floor(Math.random() * secrets.length)] ?? "";
    for (let attempt = 0; attempt < urls.length; attempt += 1) {
      const outcome = await askOnce(agent, urls[(first + attempt) % urls.length] ?? "", secret);
      if (outcome === "served") {
        count[attempt === 0 ? "atOnce" : "elsewhere"] += 1;
        return;
      }
      if ("wrong" in outcome) {
        wrong.push(outcome.wrong);
        return;
      }
      away[outcome.away] = (away[outcome.away] ?? 0) + 1;
    }
    count.nowhere += 1;
  };
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond * urls.length);
    for (; fired < due; fired += 1) {
      const shot = fire(fired % urls.length).finally(() => inFlight.delete(shot));
      inFlight.add(shot);
    }
  }, TICK_MS);
  const tally = (): ValidTally => ({ ...count, away: { ...away }, wrong: [...wrong] });
  return {
    tally,
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      await agent.destroy();
      return tally();
    },
  };
}

async function askOnce(
  agent: Agent,
  url: string,
  secret: string,
): Promise<"served" | { away: string } | { wrong: string }> {
  try {
    const answer = await request(`${url}/v1/chat/completions`, {
      method: "POST",
      dispatcher: agent,
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: "sandbox/echo",
        max_tokens: 8,
        messages: [{ role: "user", content: "hello" }],
      }),
    });
    const text = await answer.body.text();
    if (answer.statusCode === 200) return "served";
    if (answer.statusCode === 503) return { away: /"code":"(\w+)"/.exec(text)?.[1] ?? "503" };
    return { wrong: `${answer.statusCode} ${text.slice(0, 200)}` };
  } catch (error) {
    return { away: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}
