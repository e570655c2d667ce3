/** For tests of attempts: a gateway whose LLM keys each have a provider of their own, and that counts what it holds. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RefusalCode } from "@claviger/shared/decide/refusals";
import type { Reservation } from "../../../rooms.ts";
import { type Answered, call, jsonHeaders, startGateway, startProvider } from "./rig.ts";

export type Behave = (incoming: IncomingMessage, outgoing: ServerResponse, body: string) => void;

const JSON_TYPE = { "content-type": "application/json" };
export const GOOD = '{"id":"x","usage":{"prompt_tokens":7,"completion_tokens":3}}';

const good: Behave = (_in, out) => void out.writeHead(200, JSON_TYPE).end(GOOD);

/** Answers with that status. */
export function status(code: number, headers: Record<string, string> = {}): Behave {
  return (_in, out) => void out.writeHead(code, { ...JSON_TYPE, ...headers }).end('{"error":"theirs"}');
}

function countedReservations() {
  const held = { reserved: 0, released: 0, settled: 0 };
  /** Told to every reservation but the first; `throw`: it fails. */
  const reserving: { refusal: RefusalCode | "throw" | undefined } = { refusal: undefined };
  const reserve = () => {
    const { refusal } = reserving;
    if (refusal === "throw") throw new Error("at /home/operator/secrets.ts:7");
    if (refusal !== undefined && held.reserved > 0) return { code: refusal };
    held.reserved++;
    return {
      ...{ budgets: [], journaled: false, output: undefined },
      settle: () => void held.settled++,
      release: () => void held.released++,
    } as unknown as Reservation;
  };
  return { held, reserving, reserve };
}

/** Two LLM keys of one provider, `a` and `b`; both work until the test says otherwise. */
export async function startAttempts() {
  /** What each LLM key's provider does, by the LLM key's name. */
  const behaviours = new Map<string, Behave>();
  const { held, reserving, reserve } = countedReservations();
  const vault = { credentialFor: async () => "sk-provider-secret" };
  const provider = await startProvider((incoming, outgoing, body) => {
    const behave = behaviours.get(incoming.url?.split("/")[1] ?? "");
    if (behave === undefined) throw new Error(`nobody at ${incoming.url}`);
    behave(incoming, outgoing, body);
  });
  const timeouts = { headersTimeoutMs: 400, firstByteTimeoutMs: 400, idleTimeoutMs: 400 };
  const gateway = await startGateway(provider, timeouts, { reserve, vault });

  /** One LLM key for each name, all of one provider, and none besides. */
  function llmKeys(...names: string[]): void {
    const { providers } = gateway.table;
    const [record] = [...providers.values()];
    if (record === undefined) throw new Error("no provider");
    providers.clear();
    for (const [n, name] of names.entries()) {
      const id = `llm_00000000000${n + 1}`;
      providers.set(id, { ...record, id, name, baseUrl: `${provider.url}/${name}` });
      behaviours.set(name, good);
    }
  }

  llmKeys("a", "b");
  return {
    gateway,
    provider,
    behaviours,
    held,
    reserving,
    vault,
    llmKeys,
    ask: (secret: string, more = ""): Promise<Answered> =>
      call(`${gateway.url}/v1/chat/completions`, {
        headers: jsonHeaders(secret),
        body: `{"model":"echo"${more}}`,
      }),
    /** Number, LLM key, status and code of each settlement. */
    attempts: () =>
      gateway.ledger.settlements.map(
        ({ admission, attempt, status: told, code }) =>
          `${attempt}${admission.provider.name} ${told} ${code}`,
      ),
    async stop() {
      await gateway.stop();
      await provider.stop();
    },
  };
}

export type AttemptStage = Awaited<ReturnType<typeof startAttempts>>;
