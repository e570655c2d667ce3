import type { Resource } from "@claviger/shared/api/resource";
import { type Usage, usdOf } from "@claviger/shared/money/cost";
import { unfoldTokens } from "@claviger/shared/money/usage";
import { LogRow } from "@claviger/shared/wire/query";
import { type AskedPage, type AskedRow, askAll } from "../fleet/ask-all.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";

export interface LogFilter {
  readonly keyId?: string | undefined;
  readonly gateway?: string | undefined;
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly code?: string | undefined;
  readonly surface?: string | undefined;
  readonly requestId?: string | undefined;
  readonly bodies?: boolean;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly size: number;
  readonly after?: string | undefined;
}

export interface Asked {
  readonly resources: readonly Resource[];
  readonly next: string | null;
  /** Names of the gateways that are in the list, and of those that are not. */
  readonly meta: { readonly answered: readonly string[]; readonly missing: readonly string[] };
}

/** The request logs of all gateways, newest first, asked of them now. */
export async function listLogs(ports: Ports, caller: Caller, filter: LogFilter): Promise<Asked> {
  const { gateway, size, after, ...where } = filter;
  const page = await askAll(ports, {
    orgId: caller.organizationId,
    gateway,
    size,
    after,
    question: (range) => ({ kind: "logs", ...range, ...where }),
    schema: LogRow,
  });
  const { surface } = filter;
  const rows = page.rows.filter(({ row }) => surface === undefined || row.surface === surface);
  return asked({ ...page, rows: rows.map(unfolded) }, "log-entry");
}

type Shown = Omit<LogRow, "tokens" | "cost"> & { tokens: Usage | null; costUsd: string | null };

/** Tokens in disjoint buckets, as `GET /usage` sums them, and the cost in dollars. */
function unfolded({ row: { cost, ...row }, ...asked }: AskedRow<LogRow>): AskedRow<Shown> {
  const costUsd = cost === undefined ? null : usdOf(BigInt(cost));
  const tokens = row.tokens === null ? null : unfoldTokens(row.tokens);
  return { ...asked, row: { ...row, tokens, costUsd } };
}

/** Rows as resources; an id is unique in the fleet. */
export function asked<Row extends { n: number; atMs: number }>(
  page: AskedPage<Row>,
  type: "log-entry" | "audit-entry",
): Asked {
  return {
    resources: page.rows.map(({ row, gateway, gatewayId, replicaId }) => {
      const { atMs, ...rest } = row;
      const attributes = {
        ...rest,
        at: new Date(atMs).toISOString(),
        gateway,
        gatewayId,
        replica: replicaId,
      };
      return { type, id: `${replicaId}.${row.n}`, attributes };
    }),
    next: page.next,
    meta: { answered: page.answered, missing: page.missing },
  };
}
