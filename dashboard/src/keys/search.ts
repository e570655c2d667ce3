/** What the address says about the list. A link restores the view; what it does not understand is named, not swallowed. */
import type { ApiKeyStatus } from "@claviger/shared/api/api-key";
import { apiKeySorts, apiKeyStatuses, type KeySafety, keySafeties } from "@claviger/shared/api/api-key-list";

export interface KeySearch {
  readonly q?: string | undefined;
  readonly status?: ApiKeyStatus | undefined;
  readonly owner?: string | undefined;
  readonly project?: string | undefined;
  readonly safety?: KeySafety | undefined;
  readonly sort?: string | undefined;
  readonly page?: number | undefined;
  /** Cursor of the page; the first page has none. */
  readonly after?: string | undefined;
}

export const DEFAULT_SORT = "-createdAt";
export const PAGE_SIZE = 50;

const readers: Record<keyof KeySearch, (text: string) => KeySearch | undefined> = {
  q: (q) => ({ q }),
  status: (text) => {
    const status = apiKeyStatuses.find((one) => one === text);
    return status === undefined ? undefined : { status };
  },
  owner: (owner) => (/^mem_\w+$/.test(owner) ? { owner } : undefined),
  project: (project) => (/^prj_\w+$/.test(project) ? { project } : undefined),
  safety: (text) => {
    const safety = keySafeties.find((one) => one === text);
    return safety === undefined ? undefined : { safety };
  },
  sort: (sort) => (apiKeySorts.some((one) => one === sort.replace(/^-/, "")) ? { sort } : undefined),
  page: (text) => (/^[1-9]\d{0,5}$/.test(text) ? { page: Number(text) } : undefined),
  after: (after) => ({ after }),
};

function isKnown(name: string): name is keyof KeySearch {
  return Object.hasOwn(readers, name);
}

/** The parameters that are understood. */
export function readKeySearch(raw: Record<string, unknown>): KeySearch {
  const read = Object.entries(raw).map(([name, value]) =>
    isKnown(name) && value !== undefined ? readers[name](String(value)) : undefined,
  );
  return Object.assign({}, ...read) as KeySearch;
}

/** The names of those that are not. */
export function unknownIn(searchText: string, known: KeySearch): string[] {
  return [...new URLSearchParams(searchText)].flatMap(([name, value]) =>
    value === "" || (isKnown(name) && known[name] !== undefined) ? [] : [name],
  );
}

/** What of an address is worth keeping: everything but the page. */
export function viewOf({ page, after, ...search }: KeySearch): Record<string, string> {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}
