/**
 * Names of the organization's own for models. The bargain: a target always has a slash and an alias never has one, so that no
 * alias leads to another.
 */
import type { ListQuery } from "@claviger/shared/api/list";
import type { ModelAliasCreate, ModelAliasEdit, ModelAliasView } from "@claviger/shared/api/model";
import { ApiProblem, invalidAttribute, notFound, problem } from "@claviger/shared/api/problem";
import type { Page, Resource } from "@claviger/shared/api/resource";
import type { Change } from "@claviger/shared/wire/record";
import { and, eq, isNull, ne, or } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { newId } from "../db/new-id.ts";
import { pageOf, pageWhere, timeValue } from "../db/page.ts";
import { llmKey } from "../db/tables/llm-key.ts";
import { modelAlias } from "../db/tables/model-alias.ts";
import type { Tx } from "../fleet/journal.ts";
import type { Effect } from "../fleet/journal-types.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import { modelNames } from "../llm-keys/find.ts";
import type { Ports } from "../ports.ts";
import { findProject } from "../projects/find.ts";
import type { Caller } from "../sessions/caller.ts";
import { providerRow } from "./providers.ts";

type AliasRow = typeof modelAlias.$inferSelect;
export type AliasResource = Resource<ModelAliasView>;

const ALIASES_MAX = 1_000;

export interface AliasTarget {
  readonly id: string;
  readonly ifMatch?: string | undefined;
}

export function createAlias(
  ports: Ports,
  caller: Caller,
  input: ModelAliasCreate,
): Promise<Changed<AliasResource>> {
  const orgId = caller.organizationId;
  const projectId = input.projectId ?? null;
  return commit(ports, caller, async (tx) => {
    if (projectId !== null) await findProject(tx, orgId, projectId);
    await requireRoom(tx, orgId);
    const id = newId(ports.random, "als");
    await requireFree(tx, orgId, { id, projectId, name: input.name });
    const servers = await serversOf(tx, orgId, projectId);
    requireKnown(servers, input.targets);
    const createdAt = new Date(ports.clock.nowMs());
    const revision = await nextRevision(tx, orgId);
    const row: AliasRow = {
      id,
      orgId,
      projectId,
      name: input.name,
      targets: input.targets,
      createdAt,
      revision,
    };
    const effect = await effectOfName(tx, row, servers);
    await tx.insert(modelAlias).values(row);
    return {
      resource: aliasResource(row, servers),
      entry: entryOf(caller, "model-alias.create", effect, put(row)),
    };
  });
}

export function editAlias(
  ports: Ports,
  caller: Caller,
  target: AliasTarget,
  input: ModelAliasEdit,
): Promise<Changed<AliasResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const before = await findAlias(tx, orgId, target.id);
    const servers = await serversOf(tx, orgId, before.projectId);
    await requireUnchanged(target.ifMatch, before.revision, async () => ({
      resource: aliasResource(before, servers),
    }));
    const { name = before.name, targets = before.targets } = input;
    if (name !== before.name) await requireFree(tx, orgId, { ...before, name });
    if (input.targets !== undefined) requireKnown(servers, targets);
    const row = { ...before, name, targets, revision: await nextRevision(tx, orgId) };
    await tx
      .update(modelAlias)
      .set(row)
      .where(and(eq(modelAlias.orgId, orgId), eq(modelAlias.id, row.id)));
    return {
      resource: aliasResource(row, servers),
      entry: entryOf(caller, "model-alias.edit", "restrictive", put(row)),
    };
  });
}

/** Whoever asks for the name from then on gets what it means without the alias: mostly a 404. */
export function deleteAlias(ports: Ports, caller: Caller, id: string): Promise<Changed> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const row = await findAlias(tx, orgId, id);
    await tx.delete(modelAlias).where(and(eq(modelAlias.orgId, orgId), eq(modelAlias.id, row.id)));
    const change = { op: "del", kind: "alias", id: row.id, ifUnknown: "skip" } as const;
    return { resource: null, entry: entryOf(caller, "model-alias.delete", "restrictive", change) };
  });
}

/** Aliases of the organization, newest first; those that a project's keys may use when it is named. */
export async function listAliases(
  ports: Ports,
  caller: Caller,
  query: ListQuery & { readonly project?: string | undefined },
): Promise<Page<AliasResource>> {
  const orgId = caller.organizationId;
  const { project } = query;
  const inProject =
    project === undefined ? undefined : or(isNull(modelAlias.projectId), eq(modelAlias.projectId, project));
  const mine = and(eq(modelAlias.orgId, orgId), inProject);
  const order = { expr: modelAlias.createdAt, id: modelAlias.id, kind: "time", descending: true } as const;
  const paged = pageWhere(order, query);
  const rows = await ports.db
    .select()
    .from(modelAlias)
    .where(and(mine, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, (row) => [timeValue(row.createdAt), row.id]);
  const keys = await keysOf(ports.db, orgId);
  const resources = page.rows.map((row) => aliasResource(row, serving(keys, row.projectId)));
  return { resources, next: page.next, total: await ports.db.$count(modelAlias, mine) };
}

export async function readAlias(ports: Ports, caller: Caller, id: string) {
  const row = await findAlias(ports.db, caller.organizationId, id);
  const servers = await serversOf(ports.db, caller.organizationId, row.projectId);
  return { resource: aliasResource(row, servers), revision: row.revision };
}

/** Takes a project's own aliases with it; what its transaction has to tell gateways. */
export async function removeAliasesOf(tx: Tx, orgId: string, projectId: string): Promise<Change[]> {
  const rows = await tx
    .delete(modelAlias)
    .where(and(eq(modelAlias.orgId, orgId), eq(modelAlias.projectId, projectId)))
    .returning({ id: modelAlias.id });
  return rows.map(({ id }) => ({ op: "del", kind: "alias", id, ifUnknown: "skip" }));
}

interface Servers {
  /** Names of LLM keys, and providers that one is of. */
  readonly names: ReadonlySet<string>;
  /** Bare, and under every name. */
  readonly models: ReadonlySet<string>;
}

type KeyRow = Awaited<ReturnType<typeof keysOf>>[number];

function keysOf(db: Queryable, orgId: string) {
  const { projectId, provider, name, withDefaultModels, customModels } = llmKey;
  return db
    .select({ projectId, provider, name, withDefaultModels, customModels })
    .from(llmKey)
    .where(eq(llmKey.orgId, orgId));
}

async function serversOf(db: Queryable, orgId: string, projectId: string | null): Promise<Servers> {
  return serving(await keysOf(db, orgId), projectId);
}

function serving(keys: readonly KeyRow[], projectId: string | null): Servers {
  const names = new Set<string>();
  const models = new Set<string>();
  for (const key of keys) {
    if (projectId !== null && key.projectId !== projectId) continue;
    names.add(key.name).add(key.provider);
    for (const model of modelNames(key)) {
      models.add(model).add(`${key.name}/${model}`).add(`${key.provider}/${model}`);
    }
  }
  return { names, models };
}

/** A target may be of a provider that has no LLM key yet; a word that is neither is a slip. */
function requireKnown({ names }: Servers, targets: readonly string[]): void {
  for (const target of targets) {
    const prefix = target.slice(0, target.indexOf("/"));
    if (providerRow(prefix) !== undefined || names.has(prefix)) continue;
    throw invalidAttribute(
      "targets",
      `${target}: ${prefix} is neither a provider nor the name of an LLM API key that these keys can use.`,
    );
  }
}

/** A name that was something else before is taken away from it. */
async function effectOfName(
  tx: Tx,
  { orgId, projectId, name }: AliasRow,
  { models }: Servers,
): Promise<Effect> {
  if (models.has(name)) return "restrictive";
  if (projectId === null) return "giving";
  const { orgId: org, projectId: project, name: named } = modelAlias;
  const hidden = await tx.$count(modelAlias, and(eq(org, orgId), isNull(project), eq(named, name)));
  return hidden > 0 ? "restrictive" : "giving";
}

function put({ id, projectId, name, targets }: AliasRow): Change {
  return { op: "put", kind: "alias", id, record: { id, projectId, name, targets }, ifUnknown: "skip" };
}

function entryOf(caller: Caller, action: string, effect: Effect, change: Change) {
  return { actor: caller.actor, action, effect, changes: [change], keys: "all" } as const;
}

function aliasResource(row: AliasRow, { models }: Servers): AliasResource {
  const { name, projectId, targets } = row;
  const unserved = targets.filter((target) => !models.has(target));
  const createdAt = row.createdAt.toISOString();
  return { type: "model-alias", id: row.id, attributes: { name, projectId, targets, unserved, createdAt } };
}

async function findAlias(db: Queryable, orgId: string, id: string): Promise<AliasRow> {
  const [row] = await db
    .select()
    .from(modelAlias)
    .where(and(eq(modelAlias.orgId, orgId), eq(modelAlias.id, id)));
  if (row === undefined) throw notFound("model alias");
  return row;
}

async function requireRoom(tx: Tx, orgId: string): Promise<void> {
  if ((await tx.$count(modelAlias, eq(modelAlias.orgId, orgId))) < ALIASES_MAX) return;
  throw problem("state_conflict", `The organization has ${ALIASES_MAX} aliases, as many as it takes.`);
}

async function requireFree(
  tx: Tx,
  orgId: string,
  { id, projectId, name }: Pick<AliasRow, "id" | "projectId" | "name">,
): Promise<void> {
  const place = projectId === null ? isNull(modelAlias.projectId) : eq(modelAlias.projectId, projectId);
  const same = and(eq(modelAlias.orgId, orgId), place, eq(modelAlias.name, name), ne(modelAlias.id, id));
  if ((await tx.$count(modelAlias, same)) === 0) return;
  const detail = `There is an alias named ${name} already.`;
  throw new ApiProblem([{ code: "name_conflict", detail, pointer: "/data/attributes/name" }]);
}
