/** Wrong input to the control plane's API: what must be answered, and the proof that nothing changed. */
import postgres from "postgres";
import { expect } from "vitest";
import type { MadeKey } from "./admin.ts";
import { startWorld, type World } from "./world.ts";

/**
 * Name; method and path, with `{keys}`, `{key}`, `{project}`, `{llm}` filled in; body (a string is sent as it is);
 * status and the codes that are allowed; the JSON pointer that one of the errors must name; headers.
 */
export type WrongRow = readonly [
  name: string,
  request: string,
  body: unknown,
  expected: string,
  pointer?: string | undefined,
  headers?: Record<string, string>,
];

export interface InputTrial {
  readonly world: World;
  readonly key: MadeKey;
  path(template: string): string;
  /** Everything of the organization that a refused request must leave as it is: revision, chain, and what lists show. */
  state(): Promise<unknown>;
  refuses(row: WrongRow): Promise<void>;
  end(): Promise<void>;
}

/** The pointer of an attribute. */
export function at(name: string): string {
  return `/data/attributes/${name}`;
}

/** A body of JSON:API. */
export function resource(type: string, attributes: Record<string, unknown>): unknown {
  return { data: { type, attributes } };
}

/** The body that makes an API key. */
export function newKey(attributes: Record<string, unknown> = {}): unknown {
  return resource("api-key", { name: "n", ...attributes });
}

/** Starts a stack with a key that no refused request may touch. */
export async function startInputTrial(): Promise<InputTrial> {
  const world = await startWorld();
  const { admin, projectId, stack } = world;
  const sql = postgres(stack.urls.postgres, { max: 1 });
  const key = await admin.createKey(projectId, { name: "untouched" });
  const llmKeys = `/projects/${projectId}/llm-api-keys`;
  const llm = (await admin.call("GET", llmKeys)).json as { data: { id: string }[] };
  const names: Record<string, string> = {
    keys: `/projects/${projectId}/api-keys`,
    key: `/api-keys/${key.id}`,
    project: `/projects/${projectId}`,
    llm: `${llmKeys}/${llm.data[0]?.id}`,
  };
  const path = (template: string) =>
    template.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? "");
  const state = async () => {
    // The list of gateways tells of heartbeats, which go on; what an administrator made of it stands in two tables.
    const heads = await sql`
      select rev, chain, (select count(*) from gateway) as gateways, (select count(*) from enrolment_token) as tokens
      from org_head`;
    const lists = ["/api-keys", "/projects", "/members", llmKeys, "/organization"];
    const texts = await Promise.all(lists.map(async (list) => (await admin.call("GET", list)).text));
    return { heads: JSON.stringify(heads), texts };
  };
  const refuses = async ([, request, body, expected, pointer, headers]: WrongRow) => {
    const before = await state();
    const [method = "", template = ""] = request.split(" ");
    const answer = await admin.call(method, path(template), body, headers);
    const [status = "", codes = ""] = expected.split(" ");
    expect(`${answer.status} ${answer.text}`).toMatch(new RegExp(`^${status} `));
    expectErrors(answer.headers, answer.json, status, codes.split("|"), pointer);
    expect(await state()).toEqual(before);
  };
  const end = async () => {
    await sql.end();
    await stack.stop();
  };
  return { world, key, path, state, refuses, end };
}

function expectErrors(
  headers: Headers,
  json: unknown,
  status: string,
  codes: readonly string[],
  pointer: string | undefined,
): void {
  expect(headers.get("content-type")).toMatch(/^application\/vnd\.api\+json/);
  const requestId = headers.get("x-request-id");
  expect(requestId).toMatch(/^req_/);
  const { errors } = json as { errors: Record<string, unknown>[] };
  for (const error of errors) {
    const { title, detail, code } = error;
    expect(error).toMatchObject({ id: requestId, status });
    expect([typeof title, typeof detail, typeof code]).toEqual(["string", "string", "string"]);
  }
  expect(codes).toContain(errors[0]?.code);
  if (pointer === undefined) return;
  const pointers = errors.map((each) => (each.source as { pointer?: string } | undefined)?.pointer);
  expect(pointers).toContain(pointer);
}
