/** Requests begun by the clock at every gateway, each with a mark that the provider's ledger keeps. Nothing is judged here. */
import { Agent, request } from "undici";

/** A credential that is asked with. */
export interface Target {
  /** Of the API key behind it, also for a token. */
  readonly keyId: string;
  readonly secret: string;
  /** Requests per second at each gateway. */
  readonly perSecond: number;
}

/** Milliseconds since the epoch. */
export interface Shot {
  readonly keyId: string;
  readonly gateway: string;
  readonly mark: string;
  readonly startedMs: number;
  readonly finishedMs: number;
  /** 0: there was no answer. */
  readonly status: number;
  readonly code: string | null;
  readonly requestId: string | null;
  /** Why an error's answer is not as promised. */
  readonly flaw: string | null;
}

export interface Load {
  readonly targets: Set<Target>;
  readonly shots: readonly Shot[];
  /** One request now. */
  fire(target: Target, gateway: { readonly name: string; readonly url: string }): Promise<Shot>;
  stop(): Promise<void>;
}

const TICK_MS = 20;
const OUTPUT_TOKENS = 20;

export function startLoad(gateways: readonly { readonly name: string; readonly url: string }[]): Load {
  const agent = new Agent({ connections: 64, headersTimeout: 60_000, bodyTimeout: 60_000 });
  const targets = new Set<Target>();
  const shots: Shot[] = [];
  const inFlight = new Set<Promise<unknown>>();
  const due = new Map<string, number>();
  let fired = 0;
  const fire: Load["fire"] = async (target, gateway) => {
    const mark = `${target.keyId}.${fired++}`;
    const startedMs = Date.now();
    const answer = await ask(agent, gateway.url, target.secret, mark);
    const shot = {
      ...{ keyId: target.keyId, gateway: gateway.name, mark, startedMs, finishedMs: Date.now() },
      ...answer,
    };
    shots.push(shot);
    return shot;
  };
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const seconds = (nowMs - lastMs) / 1000;
    lastMs = nowMs;
    for (const target of targets) {
      for (const gateway of gateways) {
        const slot = `${target.secret}|${gateway.name}`;
        let owed = Math.min(5, (due.get(slot) ?? Math.random()) + seconds * target.perSecond);
        for (; owed >= 1; owed--) {
          const shot = fire(target, gateway).finally(() => inFlight.delete(shot));
          inFlight.add(shot);
        }
        due.set(slot, owed);
      }
    }
  }, TICK_MS);
  return {
    targets,
    shots,
    fire,
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      await agent.destroy();
    },
  };
}

type Told = Pick<Shot, "status" | "code" | "requestId" | "flaw">;

async function ask(agent: Agent, url: string, secret: string, mark: string): Promise<Told> {
  try {
    const answer = await request(`${url}/v1/chat/completions`, {
      method: "POST",
      dispatcher: agent,
      headers: {
        authorization: `Bearer ${secret}`,
        "content-type": "application/json",
        "x-sandbox": JSON.stringify({ mark, outputTokens: OUTPUT_TOKENS }),
      },
      body: JSON.stringify({
        ...{ model: "sandbox/story", max_tokens: OUTPUT_TOKENS },
        messages: [{ role: "user", content: PROMPT }],
      }),
    });
    const text = await answer.body.text();
    const id = answer.headers["x-request-id"];
    const requestId = typeof id === "string" ? id : null;
    return { status: answer.statusCode, requestId, ...judgeError(answer.statusCode, requestId, text) };
  } catch (error) {
    return { status: 0, code: (error as NodeJS.ErrnoException).code ?? null, requestId: null, flaw: null };
  }
}

/** Sought everywhere at the end. */
export const PROMPT = "canary prompt 9fJ2kQ0sLpWm";

/** I19: an error has a type, a code, a message, a request id, and nothing of ours inside. */
function judgeError(status: number, requestId: string | null, text: string): Pick<Shot, "code" | "flaw"> {
  if (status === 200) return { code: null, flaw: null };
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; type?: unknown; message?: unknown } };
    const whole = [error?.code, error?.type, error?.message].every((each) => typeof each === "string");
    const code = typeof error?.code === "string" ? error.code : null;
    if (!whole || requestId === null)
      return { code, flaw: `${status} without its parts: ${text.slice(0, 200)}` };
    if (status === 500 || /\bat .*\.ts:\d|sandbox-needs-no-secret/.test(text))
      return { code, flaw: `${status} tells too much: ${text.slice(0, 200)}` };
    return { code, flaw: null };
  } catch {
    return { code: null, flaw: `${status} that is no JSON: ${text.slice(0, 200)}` };
  }
}
