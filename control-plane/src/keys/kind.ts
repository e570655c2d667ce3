/** API keys and agents are one thing with two names: an agent is a key whose secret no gateway admits (PROTOCOL §2.11). */
import { makeApiKey, makeToken, preview, remakeSecret } from "@claviger/shared/key/secret";
import { newId } from "../db/new-id.ts";
import type { Ports } from "../ports.ts";

export type KeyKind = "key" | "agent";

/** `type` is the noun of the API and of actions; `label` is what a stranger reads. */
export const nouns = {
  key: { type: "api-key", label: "API key" },
  agent: { type: "agent", label: "agent" },
} as const;

export interface NewSecret {
  readonly secret: string;
  readonly preview: string;
}

/** An id and the first secret of it. */
export function makeKeyOf(kind: KeyKind, { random }: Pick<Ports, "random">): NewSecret & { id: string } {
  if (kind === "key") return makeApiKey(random);
  return { id: newId(random, "agt"), ...agentSecret(random) };
}

/** The next secret of one that exists. */
export function remakeSecretOf(kind: KeyKind, id: string, { random }: Pick<Ports, "random">): NewSecret {
  if (kind === "agent") return agentSecret(random);
  const secret = remakeSecret(id, random);
  return { secret, preview: preview(secret) };
}

function agentSecret(random: Ports["random"]): NewSecret {
  const secret = makeToken("agent", random);
  return { secret, preview: `${secret.slice(0, 9)}…${secret.slice(-10, -6)}` };
}
