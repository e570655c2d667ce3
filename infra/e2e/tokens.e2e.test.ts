import OpenAI from "openai";
import {
  allowInsecureRequests,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  clientCredentialsGrant,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { startWorld, useKey, type World } from "./support/world.ts";

const TEXT = "a token of the book of keys";
const messages = [{ role: "user" as const, content: TEXT }];
const Made = z.object({
  data: z.object({ id: z.string() }),
  meta: z.object({ secretKey: z.string(), operation: z.looseObject({}).nullable() }),
});

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stack.stop());

/** Something new whose secret is in the answer. */
async function make(path: string, body: object = {}): Promise<{ id: string; secret: string }> {
  const answer = await world.admin.call("POST", path, body);
  expect(answer.status, answer.text).toBe(201);
  const { data, meta } = Made.parse(answer.json);
  return { id: data.id, secret: meta.secretKey };
}

/** What the OpenAI client gets of a gateway for this credential: the text, or status and code of its own error. */
async function askWith(apiKey: string, url: string, model = "sandbox/echo"): Promise<string> {
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
  try {
    const answer = await openai.chat.completions.create({ model, messages });
    return answer.choices[0]?.message.content ?? "";
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    return `${error.status} ${error.code}`;
  }
}

/** The same of every gateway. */
async function everywhere(apiKey: string, model?: string): Promise<string[]> {
  expect(world.gateways).toHaveLength(2);
  return Promise.all(world.gateways.map(({ url }) => askWith(apiKey, url, model)));
}

const both = (answer: string) => [answer, answer];

describe("an ephemeral token", () => {
  test("works on both gateways at once, within its limits, and dies on both with its key", async () => {
    const key = await world.admin.createKey(world.projectId);
    const token = await make(`/api-keys/${key.id}/ephemeral-tokens`);
    const narrow = await make(`/api-keys/${key.id}/ephemeral-tokens`, { allowedModels: ["sandbox/story"] });
    expect(await everywhere(token.secret)).toEqual(both(TEXT));
    expect(await everywhere(narrow.secret)).toEqual(both("403 model_not_allowed"));
    await world.admin.change("PATCH", `/api-keys/${key.id}`, {
      data: { type: "api-key", attributes: { allowedModels: ["sandbox/story"] } },
    });
    expect(await everywhere(token.secret)).toEqual(both("403 model_not_allowed"));
    await world.admin.change("POST", `/api-keys/${key.id}/revoke`);
    expect(await everywhere(token.secret)).toEqual(both("401 parent_revoked"));
  });

  test("dies with the rotation of its key, or when the grace of the rotation is ended", async () => {
    const key = await world.admin.createKey(world.projectId);
    const first = await make(`/api-keys/${key.id}/ephemeral-tokens`);
    await world.admin.change("POST", `/api-keys/${key.id}/rotate`, { graceSeconds: 600 });
    expect(await everywhere(first.secret)).toEqual(both(TEXT));
    await world.admin.change("POST", `/api-keys/${key.id}/rotation/end`);
    expect(await everywhere(first.secret)).toEqual(both("401 parent_rotated"));
    const second = await make(`/api-keys/${key.id}/ephemeral-tokens`);
    expect(await everywhere(second.secret)).toEqual(both(TEXT));
  });

  test("made instead of a key works on both gateways, and can be killed alone, or handed in as leaked", async () => {
    const path = `/projects/${world.projectId}/ephemeral-tokens`;
    const [token, sibling] = [await make(path, { ttlSeconds: 600 }), await make(path)];
    expect(await everywhere(token.secret)).toEqual(both(TEXT));
    const killed = await world.admin.change("POST", `/ephemeral-tokens/${token.id}/revoke`);
    expect(killed.operation.status).toBe("confirmed");
    expect(await everywhere(token.secret)).toEqual(both("401 token_revoked"));
    expect(await everywhere(sibling.secret)).toEqual(both(TEXT));
    const report = await fetch(`${world.admin.url}/api/v1/leaked-keys`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ secret: sibling.secret }),
    });
    expect(report.status).toBe(202);
    await expect.poll(() => everywhere(sibling.secret)).toEqual(both("401 token_revoked"));
  });

  test("is in the request log by its id beside the key it stands for", async () => {
    const key = await world.admin.createKey(world.projectId);
    const token = await make(`/api-keys/${key.id}/ephemeral-tokens`);
    const [gateway] = world.gateways;
    const { status, requestId } = await useKey(gateway?.url ?? "", token);
    expect(status).toBe(200);
    const lines = async () => (await world.admin.call("GET", `/logs?filter[key]=${key.id}`)).text;
    await expect.poll(lines).toContain(requestId);
    expect(await lines()).toContain(`"tokenId":"${token.id}"`);
  });
});

describe("an agent, by a standard OAuth client", () => {
  /** A client that knows the token endpoint and nothing else of us. */
  function clientOf(agent: { id: string; secret: string }, authenticate = ClientSecretBasic(agent.secret)) {
    const server = {
      issuer: world.admin.url,
      token_endpoint: `${world.admin.url}/oauth/token`,
    };
    const client = new Configuration(server, agent.id, undefined, authenticate);
    allowInsecureRequests(client);
    return client;
  }
  const makeAgent = (attributes: object = {}) =>
    make(`/projects/${world.projectId}/agents`, {
      data: { type: "agent", attributes: { name: "crawler", ...attributes } },
    });
  /** Status and error as the library tells them; a 401 with a challenge (RFC 9110 §15.5.2) is an error of its own to it. */
  const errorOf = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof ResponseBodyError) return `${error.status} ${error.error}`;
    if (error instanceof WWWAuthenticateChallengeError) return `${error.status} ${error.cause[0]?.scheme}`;
    throw new Error("the library has given a token, or failed otherwise", { cause: error });
  };

  test("gets tokens that work on both gateways, within its scope, and that die with the agent", async () => {
    const agent = await makeAgent();
    const client = clientOf(agent);
    const granted = await clientCredentialsGrant(client);
    expect([granted.token_type, granted.expires_in]).toEqual(["bearer", 3600]);
    expect(await everywhere(granted.access_token)).toEqual(both(TEXT));
    const scoped = await clientCredentialsGrant(clientOf(agent, ClientSecretPost(agent.secret)), {
      scope: "model:sandbox/story",
    });
    expect(scoped.scope).toBe("model:sandbox/story");
    expect(await everywhere(scoped.access_token)).toEqual(both("403 model_not_allowed"));
    await world.admin.change("POST", `/agents/${agent.id}/revoke`);
    expect(await everywhere(granted.access_token)).toEqual(both("401 parent_revoked"));
    expect(await errorOf(clientCredentialsGrant(client))).toBe("401 basic");
  });

  test("reads errors as its library names them; its secret opens no gateway", async () => {
    const agent = await makeAgent({ allowedModels: ["sandbox/echo"] });
    const beyond = clientCredentialsGrant(clientOf(agent, ClientSecretPost(agent.secret)), {
      scope: "model:sandbox/story",
    });
    expect(await errorOf(beyond)).toBe("400 invalid_scope");
    expect(await everywhere(agent.secret)).toEqual(both("401 invalid_api_key"));
  });

  test("its requests count as its own", async () => {
    const agent = await makeAgent();
    const { access_token: secret } = await clientCredentialsGrant(clientOf(agent));
    expect(await everywhere(secret)).toEqual(both(TEXT));
    const requests = async () => {
      const read = await world.admin.call("GET", `/agents/${agent.id}`);
      return z.object({ data: z.object({ attributes: z.object({ requests: z.number() }) }) }).parse(read.json)
        .data.attributes.requests;
    };
    await expect.poll(requests).toBe(2);
  });
});
