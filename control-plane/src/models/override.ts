/** What an organization says of a model in place of the catalogue. */
import type { ModelEdit } from "@claviger/shared/api/model";
import { notFound, problem } from "@claviger/shared/api/problem";
import { and, eq } from "drizzle-orm";
import { jsonBytes } from "../db/json-size.ts";
import { modelOverride } from "../db/tables/model-override.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { type ModelResource, modelResource, nameOf, viewOf } from "./list.ts";
import { insertOwn, isSame, type ModelName } from "./price-rows.ts";
import { modelChanges, pushModels } from "./push.ts";
import { editTerms } from "./view.ts";

const OVERRIDES_MAX = 2_000;
const RECORD_BYTES_MAX = 65_536;

export interface ModelTarget {
  readonly id: string;
  readonly ifMatch?: string | undefined;
}

/** Sets prices and limits of a model; requests that are admitted from then on are bound and priced by them. */
export async function overrideModel(
  ports: Ports,
  caller: Caller,
  target: ModelTarget,
  input: ModelEdit,
): Promise<Changed<ModelResource>> {
  const orgId = caller.organizationId;
  const name = nameOf(target.id);
  return reprice(ports, caller, name, "model.override", async (tx) => {
    const nowMs = ports.clock.nowMs();
    const before = await viewOf(tx, orgId, name, nowMs);
    await requireUnchanged(target.ifMatch, before.revision, async () => ({
      resource: modelResource(before.view),
    }));
    const terms = editTerms(before.terms, input);
    if (before.view.source === "override" && isSame(before.terms, terms)) return;
    await requireRoom(tx, orgId);
    const rev = await insertOwn(tx, orgId, name, terms);
    const revision = await nextRevision(tx, orgId);
    await tx
      .insert(modelOverride)
      .values({ orgId, ...name, rev, revision })
      .onConflictDoUpdate({
        target: [modelOverride.orgId, modelOverride.provider, modelOverride.model],
        set: { rev, revision },
      });
  });
}

/** Back to what the catalogue says. */
export async function restoreModel(
  ports: Ports,
  caller: Caller,
  id: string,
): Promise<Changed<ModelResource>> {
  const orgId = caller.organizationId;
  const name = nameOf(id);
  return reprice(ports, caller, name, "model.restore", async (tx) => {
    const { provider, model } = modelOverride;
    const gone = await tx
      .delete(modelOverride)
      .where(and(eq(modelOverride.orgId, orgId), eq(provider, name.provider), eq(model, name.model)))
      .returning({ rev: modelOverride.rev });
    if (gone.length === 0) throw notFound("override");
  });
}

async function reprice(
  ports: Ports,
  caller: Caller,
  name: ModelName,
  action: string,
  write: (tx: Tx) => Promise<void>,
): Promise<Changed<ModelResource>> {
  const orgId = caller.organizationId;
  let left = false;
  const done = await commit<ModelResource>(ports, caller, async (tx) => {
    await write(tx);
    const { changes, more, effect } = await modelChanges(tx, ports, orgId);
    left = more;
    for (const change of changes) {
      if (change.op === "put" && jsonBytes(change.record) > RECORD_BYTES_MAX)
        throw problem(
          "state_conflict",
          "The organization has too many models of its own with such long names.",
        );
    }
    const { view } = await viewOf(tx, orgId, name, ports.clock.nowMs());
    // Also of a model that no gateway needs to hear of: who has changed a price is in the audit.
    const entry = { actor: caller.actor, action, effect, changes, keys: "all" } as const;
    return { resource: modelResource(view), entry };
  });
  if (left) await pushModels(ports, orgId);
  return done;
}

async function requireRoom(tx: Tx, orgId: string): Promise<void> {
  if ((await tx.$count(modelOverride, eq(modelOverride.orgId, orgId))) < OVERRIDES_MAX) return;
  throw problem(
    "state_conflict",
    `The organization has ${OVERRIDES_MAX} prices of its own, as many as it takes.`,
  );
}
