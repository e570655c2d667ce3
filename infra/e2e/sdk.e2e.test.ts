import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MadeKey } from "./support/admin.ts";
import { startWorld, type World } from "./support/world.ts";

const TEXT = "héllo 🗝 wörld, said by the book of keys";
const messages = [{ role: "user" as const, content: TEXT }];

let world: World;
let narrow: MadeKey;
let open: MadeKey;
beforeAll(async () => {
  world = await startWorld();
  open = await world.admin.createKey(world.projectId);
  narrow = await world.admin.createKey(world.projectId, { allowedModels: ["sandbox/story"] });
});
afterAll(() => world?.stack.stop());

const openaiAt = (url: string, apiKey: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const anthropicAt = (url: string, apiKey: string) => new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
const urlOf = (name: string) => world.stack.urls.gateways[name] ?? "";

describe.each(["eu-1", "us-1"])("pointed at %s by base URL and key alone", (name) => {
  test("the demo key and the OpenAI client get a whole completion with its usage", async () => {
    const openai = openaiAt(urlOf(name), world.credentials.demoKey);
    const { data: answer, response } = await openai.chat.completions
      .create({ model: "sandbox/echo", messages })
      .withResponse();
    expect(answer.choices[0]?.message.content).toBe(TEXT);
    expect(answer.usage?.completion_tokens).toBeGreaterThan(0);
    expect(response.headers.get("x-claviger-gateway")).toBe(name);
    expect(response.headers.get("x-claviger-key")).toMatch(/^key_/);
    expect(response.headers.get("x-request-id")).toBeTruthy();
  });

  test("the OpenAI client streams; the usage chunk comes only to those who asked", async () => {
    const openai = openaiAt(urlOf(name), open.secret);
    for (const asked of [false, true]) {
      const stream = await openai.chat.completions.create({
        model: "sandbox/echo",
        messages,
        stream: true,
        ...(asked ? { stream_options: { include_usage: true } } : {}),
      });
      let text = "";
      let usages = 0;
      let bare = 0;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        if (chunk.usage) usages += 1;
        if (chunk.choices.length === 0) bare += 1;
      }
      expect(text).toBe(TEXT);
      expect([usages, bare]).toEqual(asked ? [1, 1] : [0, 0]);
    }
  });

  test("the Anthropic client gets a whole message and streams the same one", async () => {
    const anthropic = anthropicAt(urlOf(name), open.secret);
    const ask = { model: "sandbox/echo", max_tokens: 200, messages };
    const whole = await anthropic.messages.create(ask);
    expect(whole.content[0]?.type === "text" && whole.content[0].text).toBe(TEXT);
    const streamed = await anthropic.messages.stream(ask).finalMessage();
    expect(streamed.content[0]?.type === "text" && streamed.content[0].text).toBe(TEXT);
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
  });

  test("both clients list the models of the key's project, and only those the key may use", async () => {
    const ids = async (key: MadeKey) => {
      const list: string[] = [];
      for await (const model of openaiAt(urlOf(name), key.secret).models.list()) list.push(model.id);
      return list;
    };
    expect(await ids(open)).toEqual(
      expect.arrayContaining(["sandbox/echo", "sandbox/story", "sandbox/embed"]),
    );
    expect((await ids(narrow)).filter((id) => !id.endsWith("story"))).toEqual([]);
    expect((await ids(narrow)).length).toBeGreaterThan(0);
    const anthropic: string[] = [];
    for await (const model of anthropicAt(urlOf(name), open.secret).models.list()) anthropic.push(model.id);
    expect(anthropic).toEqual(expect.arrayContaining(["sandbox/echo", "sandbox/story"]));
  });

  test("refusals raise the OpenAI client's own classes: 401, 403, 404", async () => {
    const create = (key: string, model: string) =>
      openaiAt(urlOf(name), key).chat.completions.create({ model, messages });
    await expect(create("clv_live_wrong", "sandbox/echo")).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    const denied = await create(narrow.secret, "sandbox/echo").catch((error: unknown) => error);
    expect(denied).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(denied).toMatchObject({ code: "model_not_allowed", param: "model", type: "permission_error" });
    const unknown = await create(open.secret, "sandbox/nothing").catch((error: unknown) => error);
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
    expect(unknown).toMatchObject({ code: "model_not_found", param: "model" });
  });

  test("refusals raise the Anthropic client's own classes: 401, 403, 404", async () => {
    const create = (key: string, model: string) =>
      anthropicAt(urlOf(name), key).messages.create({ model, max_tokens: 8, messages });
    await expect(create("clv_live_wrong", "sandbox/echo")).rejects.toBeInstanceOf(
      Anthropic.AuthenticationError,
    );
    await expect(create(narrow.secret, "sandbox/echo")).rejects.toBeInstanceOf(
      Anthropic.PermissionDeniedError,
    );
    await expect(create(open.secret, "sandbox/nothing")).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });
});
