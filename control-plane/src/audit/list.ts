import { AuditRow } from "@claviger/shared/wire/query";
import { askAll } from "../fleet/ask-all.ts";
import { type Asked, asked } from "../logs/list.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";

export interface AuditFilter {
  readonly keyId?: string | undefined;
  readonly gateway?: string | undefined;
  readonly action?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly size: number;
  readonly after?: string | undefined;
}

/** The audit chains of all gateways, newest first, asked of them now: who changed what, and what was admitted. */
export async function listAudit(ports: Ports, caller: Caller, filter: AuditFilter): Promise<Asked> {
  const { gateway, size, after, ...where } = filter;
  const page = await askAll(ports, {
    orgId: caller.organizationId,
    gateway,
    size,
    after,
    question: (range) => ({ kind: "audit", ...range, ...where }),
    schema: AuditRow,
  });
  const { resources, ...rest } = asked(page, "audit-entry");
  // The entry's members stand beside `n`, `hash` and `at`: `kind`, `action`, `actor`, …
  const flat = resources.map((resource) => {
    const { entry, ...attributes } = resource.attributes as { entry: object };
    return { ...resource, attributes: { ...attributes, ...entry } };
  });
  return { resources: flat, ...rest };
}
