import type { Page } from "@claviger/shared/api/resource";
import type { Changed } from "../idempotency/commit.ts";
import type { Answer } from "./route.ts";

/** A page as an answer, with the number of all that match. */
export function listed(page: Page): Answer {
  return { kind: "list", resources: page.resources, next: page.next, meta: { total: page.total } };
}

export function read(found: { resource: Changed["resource"]; revision: string }): Answer {
  return { kind: "one", resource: found.resource, revision: found.revision };
}

export function created(changed: Changed): Answer {
  return { kind: "change", created: true, changed };
}

export function changed(result: Changed): Answer {
  return { kind: "change", created: false, changed: result };
}

/** After a delete that concerns no gateway. */
export function gone(headers?: Readonly<Record<string, string>>): Answer {
  return { kind: "one", resource: null, meta: { operation: null }, ...(headers && { headers }) };
}
