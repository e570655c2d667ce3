/** Which requests in flight a change ends. */
import type { Delta } from "../wire/delta.ts";
import { isDead } from "./fold-key.ts";
import type { Position } from "./position.ts";
import { isKeyChange, type Table } from "./table.ts";

/** Requests of these keys, to these LLM keys, or of keys of these projects end now. */
export interface Abort {
  readonly epoch: number;
  readonly rev: number;
  readonly keyIds: ReadonlySet<string>;
  readonly providerIds: ReadonlySet<string>;
  /** Ephemeral tokens that were killed by themselves. */
  readonly tokenIds: ReadonlySet<string>;
  readonly projectIds: ReadonlySet<string>;
  /** MCP servers that are gone or disabled: their calls and streams end. */
  readonly mcpServerIds: ReadonlySet<string>;
  /** The organization was disabled: everything ends. */
  readonly everything: boolean;
}

/** What the delta names, when it says that requests in flight are to end; undefined when it lets them run. */
export function abortOf(delta: Delta): Abort | undefined {
  if (delta.inflight !== "abort") return undefined;
  const keyIds = new Set<string>();
  const providerIds = new Set<string>();
  const tokenIds = new Set<string>();
  const projectIds = new Set<string>();
  const mcpServerIds = new Set<string>();
  let everything = false;
  for (const change of delta.changes) {
    if (change.kind === "provider") providerIds.add(change.id);
    else if (change.kind === "mcp") {
      if (change.op === "del" || !change.record.enabled) mcpServerIds.add(change.id);
    } else if (change.op === "del") continue;
    else if (isKeyChange(change)) keyIds.add(change.id);
    else if (change.kind === "deny_jti") tokenIds.add(change.id);
    else if (change.kind === "project" && !change.record.enabled) projectIds.add(change.id);
    else if (change.kind === "policy" && !change.record.enabled) everything = true;
  }
  const { epoch, rev } = delta;
  return orNothing({ epoch, rev, keyIds, providerIds, tokenIds, projectIds, mcpServerIds, everything });
}

/** What lived in `before` and does not in `after`: a snapshot does not say how it came to be, so all of it ends. */
export function abortBetween(before: Table, after: Table, at: Position): Abort | undefined {
  const keyIds = new Set<string>();
  const providerIds = new Set<string>();
  const projectIds = new Set<string>();
  const mcpServerIds = new Set<string>();
  for (const { id, status } of before.keys()) {
    if (status !== "active") continue;
    const now = after.key(id);
    if (now === undefined || isDead(now) || now.status === "inactive") keyIds.add(id);
  }
  const tokenIds = new Set([...after.denials()].flatMap(({ id }) => (before.denied(id) ? [] : [id])));
  for (const { id } of before.providers()) if (after.provider(id) === undefined) providerIds.add(id);
  for (const { id, enabled } of before.projects()) {
    if (enabled && after.project(id)?.enabled !== true) projectIds.add(id);
  }
  for (const { id, enabled } of before.mcp.all()) {
    if (enabled && after.mcp.byId(id)?.enabled !== true) mcpServerIds.add(id);
  }
  const everything = before.policy()?.enabled === true && after.policy()?.enabled === false;
  const { epoch, rev } = at;
  return orNothing({ epoch, rev, keyIds, providerIds, tokenIds, projectIds, mcpServerIds, everything });
}

function orNothing(abort: Abort): Abort | undefined {
  const { keyIds, providerIds, tokenIds, projectIds, mcpServerIds, everything } = abort;
  const named = [keyIds, providerIds, tokenIds, projectIds, mcpServerIds];
  return everything || named.some(({ size }) => size > 0) ? abort : undefined;
}
