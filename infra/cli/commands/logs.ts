/** The gateways' own logs, asked of them live through the control plane. */
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import type { Api, Resource } from "../api.ts";
import type { Terminal } from "../command.ts";
import { connect, type Globals } from "../connect.ts";
import { findKeyId } from "../find.ts";
import { type Column, showList } from "../show.ts";
import { wholeOf } from "./options.ts";

/** How often somebody who follows asks again, in milliseconds. */
const FOLLOW_MS = 1_000;
/** A row may be told this much later than it happened; what was seen is not shown twice. */
const OVERLAP_MS = 30_000;
const SEEN_MAX = 10_000;

interface Options extends Globals {
  readonly follow?: boolean;
  readonly key?: string;
  readonly gateway?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly code?: string;
  readonly request?: string;
  readonly action?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
}

const logColumns: readonly Column[] = [
  ["at", ({ at }) => String(at)],
  ["gateway", ({ gateway }) => String(gateway)],
  ["status", ({ status }) => Number(status)],
  ["code", ({ code }) => (code === null ? null : String(code))],
  ["key", ({ keyId }) => (keyId === null ? null : String(keyId))],
  ["model", ({ model }) => (model === null ? null : String(model))],
  ["ms", ({ totalMs }) => Math.round(Number(totalMs))],
  ["cost", ({ costUsd }) => (costUsd === null || costUsd === undefined ? null : `$${costUsd}`)],
  ["request", ({ requestId }) => String(requestId)],
];

export const auditColumns: readonly Column[] = [
  ["at", ({ at }) => String(at)],
  ["gateway", ({ gateway }) => String(gateway)],
  ["kind", ({ kind }) => String(kind)],
  ["what", ({ action, requestId, fromRev }) => String(action ?? requestId ?? `from ${fromRev}`)],
  ["who", ({ actor, keyId }) => String((actor as { name?: string } | undefined)?.name ?? keyId ?? "")],
  ["ids", ({ ids }) => (Array.isArray(ids) ? ids.join(" ") : null)],
];

/** `logs`, and the options that it shares with `audit list`. */
export function addLogs(program: Command, terminal: Terminal): void {
  withRange(program.command("logs").description("requests as the gateways logged them"))
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .option("--model <model>", "of this model only")
    .option("--provider <provider>", "of this provider only")
    .option("--code <code>", "refused or failed with this code only")
    .option("--request <id>", "this request only")
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      await show(options, terminal, "/logs", logColumns);
    });
}

/** The audit chains of all gateways. */
export function addAuditList(audit: Command, terminal: Terminal): void {
  withRange(audit.command("list").description("changes and admitted requests, as the gateways chained them"))
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .option("--action <action>", "e.g. api-key.revoke")
    .action(async (_options, command: Command) => {
      await show(command.optsWithGlobals<Options>(), terminal, "/audit", auditColumns);
    });
}

function withRange(command: Command): Command {
  return command
    .option("--key <key>", "of this key only (id or name)")
    .option("--gateway <gateway>", "of this gateway only (id or name)")
    .option("--from <instant>", "ISO 8601")
    .option("--to <instant>", "ISO 8601")
    .option("--limit <n>", "so many at most (50)");
}

async function show(
  options: Options,
  terminal: Terminal,
  path: string,
  columns: readonly Column[],
): Promise<void> {
  const api = connect(options, terminal);
  const query = {
    "filter[key]": options.key === undefined ? undefined : await findKeyId(api, options.key),
    "filter[gateway]": options.gateway,
    "filter[model]": options.model,
    "filter[provider]": options.provider,
    "filter[code]": options.code,
    "filter[requestId]": options.request,
    "filter[action]": options.action,
    from: options.from,
    to: options.to,
  };
  const limit = options.limit === undefined ? 50 : wholeOf("--limit", options.limit);
  if (options.follow) return follow(api, { path, query, limit, columns, options }, terminal);
  const { document } = await api.call("GET", path, {
    query: { ...query, "page[size]": String(Math.min(limit, 200)) },
  });
  const rows = (document.data as readonly Resource[]).toReversed();
  showList(terminal, options, rows, columns);
  sayMissing(document.meta?.missing, terminal);
}

interface Following {
  readonly path: string;
  readonly query: Record<string, string | undefined>;
  readonly limit: number;
  readonly columns: readonly Column[];
  readonly options: Options;
}

/** Asks again and again for what is new; each row is shown once, as one line. */
async function follow(
  api: Api,
  { path, query, limit, columns, options }: Following,
  terminal: Terminal,
): Promise<void> {
  const seen = new Set<string>();
  let from = query.from;
  let missing = "";
  while (!terminal.left.aborted) {
    const askedAtMs = terminal.now().getTime();
    const { document } = await api.call("GET", path, {
      query: { ...query, from, "page[size]": String(seen.size === 0 ? Math.min(limit, 200) : 200) },
    });
    const rows = (document.data as readonly Resource[]).filter(({ id }) => !seen.has(id)).toReversed();
    for (const row of rows) {
      seen.add(row.id);
      terminal.out(options.json ? JSON.stringify(row) : lineOf(row, columns));
    }
    for (const id of seen) if (seen.size > SEEN_MAX) seen.delete(id);
    const away = String(document.meta?.missing ?? "");
    if (away !== missing) sayMissing(document.meta?.missing, terminal);
    missing = away;
    from = new Date(askedAtMs - OVERLAP_MS).toISOString();
    await pause(FOLLOW_MS, undefined, { signal: terminal.left }).catch(() => undefined);
  }
}

function lineOf({ id, attributes }: Resource, columns: readonly Column[]): string {
  return columns.map(([, cell]) => String(cell({ ...attributes }, id) ?? "–")).join("  ");
}

function sayMissing(missing: unknown, { say }: Terminal): void {
  if (Array.isArray(missing) && missing.length > 0)
    say(`not in the list, because they did not answer: ${missing.join(", ")}`);
}
