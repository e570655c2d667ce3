/** A whole stack of its own for one test file, with the words that tests use for its parts. */
import type { Credentials, Stack } from "../../local/types.ts";
import { startStack, type TestStackOptions } from "../../testing/stack.ts";
import { type Admin, createAdmin, type MadeKey } from "./admin.ts";
import type { Aim } from "./shots.ts";

export interface World {
  readonly stack: Stack;
  readonly admin: Admin;
  readonly credentials: Credentials;
  readonly projectId: string;
  /** Name and URL of each gateway, sorted by name. */
  readonly gateways: readonly { readonly name: string; readonly url: string }[];
  readonly sandboxUrl: string;
}

/** Starts PostgreSQL, NATS, a control plane, the gateways and the sandbox provider on free ports. */
export async function startWorld(options?: TestStackOptions): Promise<World> {
  const stack = await startStack(options);
  const { credentials, urls } = stack;
  if (credentials === null) throw new Error("these tests need the demo's organization");
  const gateways = Object.entries(urls.gateways).map(([name, url]) => ({ name, url }));
  return {
    stack,
    credentials,
    admin: createAdmin(urls.controlPlane, credentials.adminToken),
    projectId: credentials.projectId,
    gateways: gateways.sort((a, b) => a.name.localeCompare(b.name)),
    sandboxUrl: urls.sandbox,
  };
}

/** One aim per gateway. */
export function aimEverywhere(world: World, aim: Omit<Aim, "gateway" | "url">): Aim[] {
  return world.gateways.map(({ name, url }) => ({ ...aim, gateway: name, url }));
}

/** Asks a gateway for an echo of `prompt` with a key. */
export async function useKey(
  url: string,
  key: Pick<MadeKey, "secret">,
  model = "sandbox/echo",
  prompt = "hello",
): Promise<{ status: number; text: string; requestId: string | null }> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key.secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model, max_tokens: 8, messages: [{ role: "user", content: prompt }] }),
  });
  return { status: answer.status, text: await answer.text(), requestId: answer.headers.get("x-request-id") };
}
