/** The control plane's API as an administrator's script sees it: paths and shapes from API.md, nothing imported from the inside. */
import * as z from "zod";

export const GatewayState = z.object({
  gatewayId: z.string().startsWith("gw_"),
  name: z.string(),
  replica: z.string().startsWith("rep_"),
  state: z.enum(["confirmed", "waiting", "unreachable", "expired"]),
  confirmedAt: z.iso.datetime().nullish(),
  refusesBy: z.iso.datetime().nullish(),
  drainedBy: z.iso.datetime().nullish(),
});
export type GatewayState = z.infer<typeof GatewayState>;

export const Operation = z.object({
  id: z.string().startsWith("op_"),
  revision: z.string().regex(/^\d+\.\d+$/),
  status: z.enum(["pending", "safe", "confirmed"]),
  safeBy: z.iso.datetime().nullish(),
  gateways: z.array(GatewayState),
});
export type Operation = z.infer<typeof Operation>;

const Resource = z.object({
  type: z.string(),
  id: z.string(),
  attributes: z.record(z.string(), z.unknown()),
});
const Changed = z.object({
  /** A deletion may have nothing left to show. */
  data: Resource.nullish(),
  meta: z.looseObject({ operation: Operation, secretKey: z.string().optional() }),
});

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined when the body is not JSON. */
  readonly json: unknown;
}

/** A key that a test made. */
export interface MadeKey {
  readonly id: string;
  readonly secret: string;
  readonly operation: Operation;
}

/** A change that the control plane has answered. */
export interface Change {
  readonly status: number;
  readonly operation: Operation;
  readonly secret: string | undefined;
  readonly attributes: Record<string, unknown>;
}

export interface Admin {
  readonly url: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  createKey(projectId: string, attributes?: Record<string, unknown>): Promise<MadeKey>;
  /** Sends a change and reads its operation; throws with the whole answer when the status is none of 200, 201 and 202. */
  change(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Change>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

let namesGiven = 0;

/** An administrator with a personal access token. */
export function createAdmin(controlPlaneUrl: string, token: string): Admin {
  const call: Admin["call"] = async (method, path, body, headers = {}) => {
    const init: RequestInit = { method, headers: { authorization: `Bearer ${token}`, ...headers } };
    if (body !== undefined) {
      init.body = typeof body === "string" ? body : JSON.stringify(body);
      init.headers = { "content-type": "application/vnd.api+json", ...init.headers };
    }
    const answer = await fetch(`${controlPlaneUrl}${path.startsWith("/api/") ? "" : "/api/v1"}${path}`, init);
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: parseJson(text) };
  };
  const change: Admin["change"] = async (method, path, body, headers) => {
    const answer = await call(method, path, body, headers);
    const parsed = Changed.safeParse(answer.json);
    if (![200, 201, 202].includes(answer.status) || !parsed.success) {
      throw new Error(
        `${method} ${path} answered ${answer.status}: ${answer.text}\n${parsed.error?.message ?? ""}`,
      );
    }
    const { data, meta } = parsed.data;
    return {
      status: answer.status,
      operation: meta.operation,
      secret: meta.secretKey,
      attributes: data?.attributes ?? {},
    };
  };
  return {
    url: controlPlaneUrl,
    call,
    change,
    async createKey(projectId, attributes = {}) {
      namesGiven += 1;
      const path = `/projects/${projectId}/api-keys`;
      const answer = await call("POST", path, {
        data: { type: "api-key", attributes: { name: `test ${namesGiven}`, ...attributes } },
      });
      const parsed = Changed.safeParse(answer.json);
      const secret = parsed.data?.meta.secretKey;
      if (answer.status !== 201 || !parsed.success || parsed.data.data == null || secret === undefined) {
        throw new Error(
          `creating a key answered ${answer.status}: ${answer.text}\n${parsed.error?.message ?? ""}`,
        );
      }
      return { id: parsed.data.data.id, secret, operation: parsed.data.meta.operation };
    },
  };
}

/** Names of the gateways of an operation that are in a state, sorted. */
export function namesIn(operation: Operation, state: GatewayState["state"]): string[] {
  return operation.gateways
    .filter((gateway) => gateway.state === state)
    .map((gateway) => gateway.name)
    .sort();
}

/** The operation, as a poll reads it. */
export async function readOperation(admin: Admin, id: string): Promise<Operation> {
  const answer = await admin.call("GET", `/operations/${id}`);
  if (answer.status !== 200) throw new Error(`operation ${id} answered ${answer.status}: ${answer.text}`);
  return z.object({ data: z.object({ attributes: Operation }) }).parse(answer.json).data.attributes;
}
