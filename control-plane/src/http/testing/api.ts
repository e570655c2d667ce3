/** The whole HTTP API over real parts, in one process: what the tests of verbs talk to. */
import { createControlPlane } from "../../app.ts";
import { startCluster } from "../../fleet/testing/control-plane.ts";
import type { Ports } from "../../ports.ts";
import type { Settings } from "../../settings.ts";
import { checkAnswer } from "./check-answer.ts";

export const settings: Settings = {
  publicUrl: "http://127.0.0.1:19100",
  operatorToken: "operator-token-of-the-tests-0123456789",
  egressAllow: ["127.0.0.1:19109"],
};

export const PASSWORD = "correct horse battery";

export interface HeardResource {
  readonly type: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface HeardError {
  readonly id: string;
  readonly status: string;
  readonly code: string;
  readonly detail: string;
  readonly source?: { readonly pointer?: string; readonly parameter?: string; readonly header?: string };
}

/** What a test reads of an answer. Reading what is not there fails the test. */
export class Heard {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;

  constructor(status: number, headers: Headers, text: string) {
    this.status = status;
    this.headers = headers;
    this.text = text;
  }

  get document(): Readonly<Record<string, unknown>> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }

  get resource(): HeardResource {
    if (this.document.data === undefined) throw new Error(`no resource in ${this.text}`);
    return this.document.data as HeardResource;
  }

  get resources(): readonly HeardResource[] {
    if (!Array.isArray(this.document.data)) throw new Error(`no list in ${this.text}`);
    return this.document.data as HeardResource[];
  }

  get next(): string | null {
    return (this.document.links as { next: string | null }).next;
  }

  get meta(): Readonly<Record<string, unknown>> {
    return (this.document.meta ?? {}) as Record<string, unknown>;
  }

  get operation(): { readonly id: string; readonly status: string; readonly revision: string } {
    return this.meta.operation as { id: string; status: string; revision: string };
  }

  get secretKey(): string {
    if (typeof this.meta.secretKey !== "string") throw new Error(`no secret in ${this.text}`);
    return this.meta.secretKey;
  }

  /** `400 invalid_value /data/attributes/name`, as rows of expectations write it. */
  get refusal(): string {
    const [error] = (this.document.errors ?? []) as HeardError[];
    if (error === undefined) return String(this.status);
    const { pointer, parameter, header } = error.source ?? {};
    return [error.status, error.code, pointer ?? parameter ?? header]
      .filter((part) => part !== undefined)
      .join(" ");
  }
}

export interface TestApi {
  readonly ports: Ports;
  /** For a second control plane on the same database. */
  readonly databaseUrl: string;
  /** What does not end by itself, to be read as it comes. */
  open(
    path: string,
    token: string,
    headers?: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Response>;
  call(method: string, path: string, options?: CallOptions): Promise<Heard>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly token?: string;
  readonly cookie?: string;
  readonly body?: unknown;
  /** Instead of `body`: exactly this text. */
  readonly raw?: string;
  readonly headers?: Record<string, string>;
}

/** A control plane on a database of its own. No gateway is attached, so every operation is confirmed at once. */
export async function startApi(changes: Partial<Settings> = {}, databaseUrl?: string): Promise<TestApi> {
  const cluster = await startCluster(databaseUrl);
  const { ports } = await cluster.start();
  const app = createControlPlane(ports, { ...settings, ...changes });
  return {
    ports,
    databaseUrl: cluster.databaseUrl,
    async open(path, token, headers, signal) {
      const init = { headers: { authorization: `Bearer ${token}`, ...headers } };
      const request = new Request(`${settings.publicUrl}${path}`, { ...init, ...(signal && { signal }) });
      return app.fetch(request, { peer: "127.0.0.1" });
    },
    async call(method, path, options = {}) {
      const { token, cookie, body, raw, headers } = options;
      const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const request = new Request(`${settings.publicUrl}${path}`, {
        method,
        headers: {
          ...(text === undefined ? {} : { "content-type": "application/vnd.api+json" }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(cookie === undefined ? {} : { cookie }),
          ...headers,
        },
        ...(text === undefined ? {} : { body: text }),
      });
      const response = await app.fetch(request, { peer: "127.0.0.1" });
      const heard = await response.text();
      checkAnswer(method, path, response.status, response.headers.get("content-type"), heard);
      return new Heard(response.status, response.headers, heard);
    },
    stop: () => cluster.stop(),
  };
}

/** `{data: {type, attributes}}` */
export function resource(type: string, attributes: object, id?: string): object {
  return { data: { type, ...(id === undefined ? {} : { id }), attributes } };
}

export interface Tenant {
  readonly organizationId: string;
  readonly memberId: string;
  readonly projectId: string;
  /** The owner's. */
  readonly token: string;
  readonly email: string;
}

let made = 0;

/** A new organization with an owner's token and a project, made through the API as an operator would. */
export async function makeTenant(api: TestApi): Promise<Tenant> {
  made += 1;
  const email = `owner-${made}@example.com`;
  const admin = { name: `Tenant ${made}`, adminEmail: email, adminPassword: PASSWORD };
  const organization = await api.call("POST", "/api/v1/organizations", {
    token: settings.operatorToken,
    body: resource("organization", admin),
  });
  const token = await makeToken(api, await signInAs(api, email, PASSWORD));
  const project = await api.call("POST", "/api/v1/projects", {
    token,
    body: resource("project", { name: "Main" }),
  });
  return {
    organizationId: organization.resource.id,
    memberId: String(organization.meta.adminMemberId),
    projectId: project.resource.id,
    token,
    email,
  };
}

/** Signs in; the cookie as a browser would send it. */
export async function signInAs(api: TestApi, email: string, password: string): Promise<string> {
  const session = await api.call("POST", "/api/v1/sessions", {
    body: resource("session", { email, password }),
  });
  const [cookie = ""] = (session.headers.get("set-cookie") ?? "").split(";");
  return cookie;
}

/** A personal access token of who is signed in. */
export async function makeToken(api: TestApi, cookie: string, attributes: object = {}): Promise<string> {
  const body = resource("personal-access-token", { name: "test", ...attributes });
  return (await api.call("POST", "/api/v1/personal-access-tokens", { cookie, body })).secretKey;
}

/** A further member of the tenant with that role, and a token of theirs. */
export async function makeMember(
  api: TestApi,
  tenant: Tenant,
  role: string,
): Promise<{ id: string; token: string; email: string }> {
  made += 1;
  const email = `${role}-${made}@example.com`;
  const member = await api.call("POST", "/api/v1/members", {
    token: tenant.token,
    body: resource("member", { email, name: role, role, password: PASSWORD }),
  });
  const token = await makeToken(api, await signInAs(api, email, PASSWORD));
  return { id: member.resource.id, token, email };
}

/** Creates a key in the tenant's project. */
export function makeKey(api: TestApi, tenant: Tenant, attributes: object = { name: "k" }): Promise<Heard> {
  return api.call("POST", `/api/v1/projects/${tenant.projectId}/api-keys`, {
    token: tenant.token,
    body: resource("api-key", attributes),
  });
}
