/** Callers who bring their secrets to the wrong place, and what they are answered. */
import type { World } from "./world.ts";

export interface Brought {
  readonly apiKeys: readonly string[];
  readonly llmSecret: string;
  readonly prompt: string;
  readonly enrolmentToken: string;
}

/** The last character is another one. */
const garbled = (secret: string) => `${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}`;

/** Bodies and headers of every answer: refusals above all, but also lists, status, metrics and the API's description. */
export async function answersOf(world: World, brought: Brought): Promise<string[]> {
  const answers: string[] = [];
  const ask = async (url: string, init: RequestInit = {}) => {
    const answer = await fetch(url, init);
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    answers.push(`${answer.status} ${init.method ?? "GET"} ${url}\n${headers}\n${await answer.text()}`);
  };
  for (const { url } of world.gateways) await askGateway(ask, url, brought);
  await askControlPlane(ask, world, brought);
  return answers;
}

type Ask = (url: string, init?: RequestInit) => Promise<void>;

async function askGateway(ask: Ask, url: string, { apiKeys, llmSecret, prompt }: Brought): Promise<void> {
  const chat = (headers: Record<string, string>, body: string) =>
    ask(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
  for (const secret of apiKeys) {
    for (const key of [secret, garbled(secret), `${secret}x`]) {
      await chat({ authorization: `Bearer ${key}` }, `{"prompt": "${prompt}", `);
      await chat({ authorization: `Bearer ${key}` }, JSON.stringify({ messages: [{ content: prompt }] }));
      await chat({ authorization: `Bearer ${key}`, "x-api-key": garbled(key) }, "{}");
      await chat({ authorization: `Basic ${key}` }, "{}");
      await ask(`${url}/v1/nothing`, { headers: { authorization: `Bearer ${key}` } });
    }
  }
  await chat({ authorization: `Bearer ${llmSecret}` }, "{}");
  for (const path of ["/metrics", "/readyz", "/healthz"]) await ask(`${url}${path}`);
}

async function askControlPlane(ask: Ask, world: World, brought: Brought): Promise<void> {
  const { credentials, projectId } = world;
  const base = world.stack.urls.controlPlane;
  const api = `${base}/api/v1`;
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const post = (url: string, headers: Record<string, string>, body: unknown) =>
    ask(url, {
      method: "POST",
      headers: { "content-type": "application/vnd.api+json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const llmKey = (attributes: object) => ({ data: { type: "llm-api-key", attributes } });
  const { llmSecret, enrolmentToken } = brought;
  const asAdmin = bearer(credentials.adminToken);
  const llmKeys = `${api}/projects/${projectId}/llm-api-keys`;
  await post(llmKeys, asAdmin, llmKey({ provider: "sandbox", name: "Not a slug", secretKey: llmSecret }));
  await post(llmKeys, asAdmin, llmKey({ provider: "sandbox", name: "a", secretKey: `${llmSecret} ` }));
  await post(llmKeys, asAdmin, llmKey({ provider: "sandbox", name: "a", secretKey: [llmSecret] }));
  await post(llmKeys, asAdmin, llmKey({ provider: "sandbox", name: "a", secret: llmSecret }));
  await post(llmKeys, asAdmin, `{"data": "${llmSecret}`);
  await post(llmKeys, bearer(garbled(credentials.adminToken)), "{}");
  const { adminEmail: email, adminPassword: password } = credentials;
  const session = (attributes: object) => ({ data: { type: "session", attributes } });
  await post(`${api}/sessions`, {}, session({ email, password: garbled(password) }));
  await post(`${api}/sessions`, {}, session({ email: [email], password }));
  await post(`${base}/gateway/v1/enrol`, {}, { v: 1, token: enrolmentToken, slot: "Not a slot" });
  await post(`${base}/gateway/v1/enrol`, {}, { v: 2, token: garbled(enrolmentToken) });
  for (const path of [
    "/api-keys",
    `/projects/${projectId}/api-keys`,
    `/projects/${projectId}/llm-api-keys`,
    "/personal-access-tokens",
    "/members",
    "/gateways",
    "/operations",
    "/logs",
    "/status",
  ]) {
    await ask(`${api}${path}`, { headers: asAdmin });
  }
  await ask(`${base}/metrics`);
}
