/**
 * Two control planes on one PostgreSQL, and one of them killed in the middle of many changes: each change is made once, by
 * whoever answers the call or its repetition, and nobody else notices.
 */
import type { Stack } from "../../local/types.ts";
import { useKey } from "../support/world.ts";

/** Calls at a time. */
const WORKERS = 6;
const GIVE_UP_MS = 120_000;

export interface Made {
  readonly id: string;
  readonly name: string;
  /** Shown once; undefined when the answer that had it was lost with the process. */
  readonly secret: string | undefined;
  readonly revoked: boolean;
}

export interface Outcome {
  readonly made: readonly Made[];
  /** Calls that had to be repeated. */
  readonly repeated: number;
  /** What callers of the gateways were answered meanwhile, other than 200. */
  readonly refusals: readonly number[];
  /** The dashboard's page, asked of the one that stayed, other than 200. */
  readonly pages: readonly number[];
}

interface Call {
  readonly stack: Stack;
  readonly token: string;
  readonly onRepeat: () => void;
}

/** `changes` keys are made, and every second one is revoked; one control plane is killed after half of them. */
export async function changeWhileOneDies(stack: Stack, changes: number): Promise<Outcome> {
  const { adminToken = "", projectId = "", demoKey = "" } = stack.credentials ?? {};
  let repeated = 0;
  const call: Call = { stack, token: adminToken, onRepeat: () => (repeated += 1) };
  const made: Made[] = [];
  let next = 0;
  const work = async () => {
    for (let n = next++; n < changes; n = next++) {
      if (n === Math.floor(changes / 2)) stack.child("control-plane-2").kill("SIGKILL");
      made.push(await changeOne(call, projectId, n));
    }
  };
  const watching = watch(stack, demoKey);
  await Promise.all(Array.from({ length: WORKERS }, work));
  const { refusals, pages } = await watching.stop();
  return { made, repeated, refusals, pages };
}

async function changeOne(call: Call, projectId: string, n: number): Promise<Made> {
  const name = `change ${n}`;
  const body = { data: { type: "api-key", attributes: { name } } };
  const created = await once(call, `/projects/${projectId}/api-keys`, body, `make-${n}`, n);
  const { data, meta } = created as { data: { id: string }; meta: { secretKey?: string } };
  const revoked = n % 2 === 1;
  if (revoked) await once(call, `/api-keys/${data.id}/revoke`, {}, `revoke-${n}`, n);
  return { id: data.id, name, secret: meta.secretKey, revoked };
}

/** Repeats a call that broke off or was put off, at the other process, under its one name. */
async function once(
  { stack, token, onRepeat }: Call,
  path: string,
  body: object,
  name: string,
  n: number,
): Promise<unknown> {
  const urls = stack.urls.controlPlanes;
  const deadlineMs = performance.now() + GIVE_UP_MS;
  for (let attempt = 0; ; attempt += 1) {
    const url = urls[(n + attempt) % urls.length] ?? "";
    try {
      const response = await fetch(`${url}/api/v1${path}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          "idempotency-key": name,
        },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      if (response.ok) return JSON.parse(text);
      // 409: the process that died had begun with it; 503: it is coming back.
      if (response.status !== 409 && response.status !== 503)
        throw new Refused(`${path}: ${response.status} ${text}`);
    } catch (error) {
      if (error instanceof Refused || performance.now() > deadlineMs) throw error;
    }
    onRepeat();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

class Refused extends Error {}

/** Callers of both gateways, and somebody at the dashboard, who are told nothing of all this. */
function watch(stack: Stack, secret: string) {
  const refusals: number[] = [];
  const pages: number[] = [];
  let stopped = false;
  const gateways = Object.values(stack.urls.gateways);
  const running = (async () => {
    while (!stopped) {
      const answers = await Promise.all(gateways.map((url) => useKey(url, { secret })));
      refusals.push(...answers.map(({ status }) => status).filter((status) => status !== 200));
      const page = await fetch(`${stack.urls.controlPlane}/readyz`);
      await page.arrayBuffer();
      if (page.status !== 200) pages.push(page.status);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await running;
      return { refusals, pages };
    },
  };
}

/** What is wrong with an outcome, in words; nothing when nothing was lost and nothing made twice. */
export async function faultsOf(
  stack: Stack,
  { made, refusals, pages }: Outcome,
  changes: number,
): Promise<string[]> {
  const faults = [
    ...refusals.map((status) => `a caller got ${status}`),
    ...pages.map((status) => `/readyz was ${status}`),
  ];
  const listed = await listKeys(stack);
  const names = listed.map(({ attributes }) => attributes.name).filter((name) => name.startsWith("change "));
  if (names.length !== changes) faults.push(`${names.length} keys instead of ${changes}`);
  if (new Set(names).size !== names.length) faults.push("a key was made twice");
  for (const { id, name, revoked, secret } of made) {
    const found = listed.find((key) => key.id === id);
    if (found?.attributes.status !== (revoked ? "revoked" : "active"))
      faults.push(`${name} is ${found?.attributes.status}`);
    if (secret === undefined) continue;
    for (const [gateway, url] of Object.entries(stack.urls.gateways)) {
      const { status } = await useKey(url, { secret });
      if (status !== (revoked ? 401 : 200)) faults.push(`${name} is answered ${status} by ${gateway}`);
    }
  }
  return faults;
}

interface Listed {
  readonly id: string;
  readonly attributes: { readonly name: string; readonly status: string };
}

async function listKeys(stack: Stack): Promise<Listed[]> {
  const all: Listed[] = [];
  let path: string | null = "/api/v1/api-keys?page[size]=200";
  while (path !== null) {
    const headers = { authorization: `Bearer ${stack.credentials?.adminToken}` };
    const answer: Response = await fetch(`${stack.urls.controlPlane}${path}`, { headers });
    const { data, links } = (await answer.json()) as { data: Listed[]; links: { next: string | null } };
    all.push(...data);
    path = links.next;
  }
  return all;
}
