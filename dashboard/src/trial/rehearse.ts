/** What the API is said to answer while a state is tried out: for what the present page reads, never for the frame around it. */
import { type Answer, RequestFailed, rehearseReads } from "../api/client.ts";
import type { TrialState } from "./read-trial.ts";

/** By the page's path, what it reads. The first that fits. */
const reads: readonly (readonly [page: RegExp, read: RegExp])[] = [
  [/^\/keys\/key_/, /^\/api-keys\/key_\w+$/],
  [/^\/keys/, /^\/api-keys\?/],
  [/^\/llm-keys/, /^\/llm-api-keys\?/],
  [/^\/models\/aliases/, /^\/model-aliases/],
  [/^\/models/, /^\/models\?/],
  [/^\/mcp/, /^\/mcp-servers/],
  [/^\/agents/, /^\/agents\?/],
  [/^\/projects\/[^/]+\/api-access\/llm-keys/, /^\/llm-api-keys\?/],
  [/^\/projects\/[^/]+\/api-access/, /^\/api-keys\?/],
  [/^\/projects/, /^\/projects\?/],
  [/^\/members/, /^\/(members|invitations)\?/],
  [/^\/gateways/, /^\/gateways$/],
  [/^\/usage/, /^\/(usage|logs)\?/],
  [/^\/logs/, /^\/logs\?/],
  [/^\/audit/, /^\/audit\?/],
  [/^\/notifications\/channels/, /^\/notification-channels/],
  [/^\/notifications\/rules/, /^\/notification-rules/],
  [/^\/notifications\/deliveries/, /^\/notification-deliveries/],
  [/^\/notifications/, /^\/notifications\?/],
  [/^\/settings\/tokens/, /^\/personal-access-tokens\?/],
  [/^\/settings/, /^\/sessions\?/],
];

const REQUEST = "req_000000000001";

/** From now on the page's reads answer with that state. */
export function rehearse(state: TrialState): void {
  rehearseReads((path, read) => {
    const page = location.pathname.replace(/^\/dashboard/, "");
    const own = reads.find(([at]) => at.test(page))?.[1].test(path) ?? false;
    return own ? actors[state](path, read) : read();
  });
}

type Read = () => Promise<Answer<unknown>>;

const actors: Record<TrialState, (path: string, read: Read) => Promise<Answer<unknown>>> = {
  loading: () => new Promise(() => undefined),
  failed: () => fail(500, "internal_error", "Something of ours has failed."),
  forbidden: () => fail(403, "insufficient_role", "This needs the role admin; you act as viewer."),
  empty: async (_, read) => {
    const { data, meta } = await read();
    return { data: Array.isArray(data) ? [] : data, meta: { ...meta, total: 0, unseen: 0 }, next: null };
  },
  partial: async (path, read) => {
    const answer = await read();
    if (path === "/gateways") return { ...answer, data: lose(answer.data) };
    const { complete } = answer.meta as { complete?: readonly object[] };
    const behind = complete?.map((one, n) => (n === 0 ? one : { ...one, completeTo: null, waiting: 12 }));
    const meta = {
      ...answer.meta,
      answered: ["eu-1"],
      missing: ["us-1"],
      ...(behind && { complete: behind }),
    };
    return { ...answer, meta };
  },
  stale: (_, read) => read(),
};

/** The last gateway has not been heard for a minute. */
function lose(data: unknown): unknown {
  return (data as { attributes: object }[]).map((one, n, all) => {
    if (n < all.length - 1) return one;
    const lastHeartbeatAt = new Date(Date.now() - 60_000).toISOString();
    return { ...one, attributes: { ...one.attributes, status: "down", lastHeartbeatAt } };
  });
}

function fail(status: number, code: string, detail: string): Promise<never> {
  return Promise.reject(
    new RequestFailed(status, [{ code, title: detail, detail, pointer: undefined }], REQUEST),
  );
}
