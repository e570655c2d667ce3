/** The stack, the keys and the projects that the tests of refusals share, each file with its own. */
import { expect } from "vitest";
import type { RawAnswer } from "./raw-http.ts";
import { type Expected, expectRefusal, type Surface } from "./refused.ts";
import { startWorld, type World } from "./world.ts";

export const SURFACES: readonly Surface[] = ["openai", "anthropic"];
const GATEWAY = "eu-1";
const EXPIRES_MS = 1_500;

export interface Answering {
  readonly world: World;
  readonly gateway: string;
  readonly url: string;
  /** The secret of the key of that name. */
  secret(name: string): string;
  /** Sends, and checks the refusal and that no request reached the provider. */
  refuses(surface: Surface, expected: Expected, send: () => Promise<RawAnswer>): Promise<void>;
}

async function makeProject({ admin }: World, name: string): Promise<string> {
  const answer = await admin.call("POST", "/projects", { data: { type: "project", attributes: { name } } });
  expect(`${answer.status} ${answer.text}`).toMatch(/^20[01] /);
  return (answer.json as { data: { id: string } }).data.id;
}

/** A project in which two providers have a model called `twin`. */
async function makeTwins(world: World): Promise<string> {
  const projectId = await makeProject(world, "Twins");
  const twin = { secretKey: "sk-any", customModels: ["twin"], withDefaultModels: false };
  for (const provider of ["openai", "anthropic"]) {
    const body = { data: { type: "llm-api-key", attributes: { provider, ...twin } } };
    const answer = await world.admin.call("POST", `/projects/${projectId}/llm-api-keys`, body);
    expect(`${answer.status} ${answer.text}`).toMatch(/^20[01] /);
  }
  return projectId;
}

async function makeKeys(world: World): Promise<Map<string, string>> {
  const { admin, projectId } = world;
  const keys = new Map<string, string>();
  const make = async (name: string, attributes: Record<string, unknown>, change?: [string, string]) => {
    const key = await admin.createKey(projectId, attributes);
    if (change !== undefined) await admin.change(change[0], `/api-keys/${key.id}${change[1]}`);
    keys.set(name, key.secret);
    return key;
  };
  const good = await make("good", {});
  const elsewhere = good.operation.gateways.find(({ name }) => name !== GATEWAY)?.gatewayId;
  await make("revoked", {}, ["POST", "/revoke"]);
  await make("deleted", {}, ["DELETE", ""]);
  await make("inactive", {}, ["POST", "/deactivate"]);
  await make("rotated", {}, ["POST", "/rotate"]);
  await make("expired", { expiresAt: new Date(Date.now() + EXPIRES_MS).toISOString() });
  await make("elsewhere", { gatewayIds: [elsewhere] });
  await make("far", { ipAllowlist: ["10.0.0.0/8", "2001:db8::/32"] });
  await make("near", { ipAllowlist: ["127.0.0.0/8"] });
  await make("story", { allowedModels: ["sandbox/story"] });
  await make("foreign", { allowedProviders: ["openai"] });
  keys.set("twins", (await admin.createKey(await makeTwins(world))).secret);
  keys.set("bare", (await admin.createKey(await makeProject(world, "Bare"))).secret);
  return keys;
}

/** Starts a stack with a key for each way of being refused. */
export async function startAnswering(): Promise<Answering> {
  const world = await startWorld();
  const keys = await makeKeys(world);
  await new Promise((resolve) => setTimeout(resolve, EXPIRES_MS));
  const arrivals = async () => {
    const answer = await (await fetch(`${world.sandboxUrl}/__requests`)).json();
    return (answer as { requests: unknown[] }).requests.length;
  };
  return {
    world,
    gateway: GATEWAY,
    url: world.stack.urls.gateways[GATEWAY] ?? "",
    secret: (name) => keys.get(name) ?? "",
    async refuses(surface, expected, send) {
      const before = await arrivals();
      expectRefusal(await send(), surface, expected, GATEWAY, [...keys.values()]);
      expect(await arrivals()).toBe(before);
    },
  };
}

/** A 401 of the table. */
export function AU(code: string): Expected {
  return { status: 401, type: "AU", code, headers: { "www-authenticate": /^Bearer/ } };
}

/** A 400 of the table. */
export function IR(code: string, param?: string): Expected {
  return { status: 400, type: "IR", code, ...(param === undefined ? {} : { param }) };
}
