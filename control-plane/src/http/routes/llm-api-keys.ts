import { ListParameters, listQuery } from "@claviger/shared/api/list";
import {
  LlmApiKeyCreate,
  LlmApiKeyEdit,
  LlmApiKeyRotate,
  LlmApiKeyTest,
} from "@claviger/shared/api/llm-api-key";
import * as z from "zod";
import { createLlmKey } from "../../llm-keys/create.ts";
import { deleteLlmKey } from "../../llm-keys/delete.ts";
import { editLlmKey } from "../../llm-keys/edit.ts";
import { readImpact } from "../../llm-keys/impact.ts";
import { listLlmKeys, readLlmKey } from "../../llm-keys/list.ts";
import { testLlmKey } from "../../llm-keys/test.ts";
import { changed, created, listed, read } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const answers = "llm-api-key";
const none = { kind: "none" } as const;
const collection = "/api/v1/projects/:projectId/llm-api-keys";

/** The same object is reached inside its project, and by its id alone. */
const places = [`${collection}/:id`, "/api/v1/llm-api-keys/:id"] as const;

/** `{secretKey}`, or the resource form that creating takes. */
const RotateBody = z.preprocess(unwrap, LlmApiKeyRotate);

function unwrap(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("data" in body)) return body;
  const { data } = body;
  return typeof data === "object" && data !== null && "attributes" in data ? data.attributes : body;
}

const target = (params: Readonly<Record<string, string>>) => ({
  id: params.id ?? "",
  projectId: params.projectId,
});

export const llmApiKeyRoutes: readonly Route[] = [
  memberRoute({
    method: "POST",
    path: collection,
    summary: "Store a provider credential for a project",
    access: "admin",
    body: { kind: "resource", type: "llm-api-key", attributes: LlmApiKeyCreate },
    answers,
    handle: async ({ ports, settings, caller, params, body }) =>
      created(await createLlmKey(ports, settings, caller, params.projectId ?? "", body)),
  }),
  memberRoute({
    method: "GET",
    path: collection,
    summary: "List a project's LLM API keys",
    access: "viewer",
    body: none,
    query: ListParameters,
    answers,
    handle: async ({ ports, caller, params, query }) =>
      listed(await listLlmKeys(ports, caller, listQuery(query), params.projectId ?? "")),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/llm-api-keys",
    summary: "List the organization's LLM API keys",
    access: "viewer",
    body: none,
    query: ListParameters,
    answers,
    handle: async ({ ports, caller, query }) => listed(await listLlmKeys(ports, caller, listQuery(query))),
  }),
  ...places.flatMap(itemRoutes),
  ...places.flatMap(questionRoutes),
];

function itemRoutes(path: `/${string}`): Route[] {
  return [
    memberRoute({
      method: "GET",
      path,
      summary: "Read an LLM API key; its credential is never shown",
      access: "viewer",
      body: none,
      answers,
      handle: async ({ ports, caller, params }) => read(await readLlmKey(ports, caller, target(params))),
    }),
    memberRoute({
      method: "PATCH",
      path,
      summary: "Edit an LLM API key",
      access: "admin",
      body: { kind: "resource", type: "llm-api-key", attributes: LlmApiKeyEdit },
      answers,
      handle: async ({ ports, settings, caller, params, body, ifMatch }) =>
        changed(await editLlmKey(ports, settings, caller, { ...target(params), ifMatch }, body)),
    }),
    memberRoute({
      method: "POST",
      path: `${path}/rotate`,
      summary: "Replace the credential",
      access: "admin",
      body: { kind: "plain", schema: RotateBody },
      answers,
      handle: async ({ ports, settings, caller, params, body }) =>
        changed(await editLlmKey(ports, settings, caller, target(params), body, "llm-api-key.rotate")),
    }),
    memberRoute({
      method: "DELETE",
      path,
      summary: "Stop every request that would use it",
      access: "admin",
      body: { kind: "plain", schema: z.strictObject({}) },
      answers,
      handle: async ({ ports, caller, params }) => changed(await deleteLlmKey(ports, caller, target(params))),
    }),
  ];
}

/** What is asked about an LLM key, of gateways and of the project's API keys. */
function questionRoutes(path: `/${string}`): Route[] {
  return [
    memberRoute({
      method: "POST",
      path: `${path}/test`,
      summary: "Ask every gateway whether it reaches the provider and is let in; costs nothing",
      access: "admin",
      body: { kind: "plain", schema: LlmApiKeyTest },
      handle: async ({ ports, caller, params, body }) => ({
        kind: "one",
        resource: null,
        meta: { test: await testLlmKey(ports, caller, target(params), body.gateway) },
      }),
    }),
    memberRoute({
      method: "GET",
      path: `${path}/impact`,
      summary:
        "What would stop if it were deleted: models that nobody else serves, and API keys that could use them",
      access: "viewer",
      body: none,
      handle: async ({ ports, caller, params }) => ({
        kind: "one",
        resource: null,
        meta: { impact: await readImpact(ports, caller, target(params)) },
      }),
    }),
  ];
}
