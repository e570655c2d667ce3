import type { Command } from "commander";
import { codeFor, reach } from "../api.ts";
import { CommandError, type Terminal } from "../command.ts";
import { connect, type Globals, tokenFor, urlOf } from "../connect.ts";
import { findKeyId } from "../find.ts";
import { type Column, showList } from "../show.ts";
import { wholeOf } from "./options.ts";

interface Options extends Globals {
  readonly by?: string;
  readonly interval?: string;
  readonly from?: string;
  readonly to?: string;
  readonly key?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly gateway?: string;
  readonly project?: string;
  readonly owner?: string;
  readonly sort?: string;
  readonly limit?: string;
  readonly csv?: boolean;
}

export function addUsage(program: Command, terminal: Terminal): void {
  program
    .command("usage")
    .description("requests, tokens, cost and latency, by time and group (UTC; the last 30 days unless told)")
    .option(
      "--by <groups>",
      "key, model, provider, gateway, owner, project, agent, code, metadata.X, with commas",
    )
    .option("--interval <interval>", "minute, hour or day")
    .option("--from <instant>", "ISO 8601")
    .option("--to <instant>", "ISO 8601")
    .option("--key <key>", "of this key only (id or name)")
    .option("--model <model>", "of this model only")
    .option("--provider <provider>", "of this provider only")
    .option("--gateway <gateway>", "of this gateway only")
    .option("--project <project>", "of this project only (id)")
    .option("--owner <member>", "of this member's keys only (id)")
    .option(
      "--sort <field>",
      "requests, errors, refused, spentUsd, tokens …; - before it for the largest first",
    )
    .option("--limit <n>", "so many rows at most")
    .option("--csv", "all of it as CSV")
    .action((_options, command: Command) => usage(command.optsWithGlobals(), terminal));
}

async function usage(options: Options, terminal: Terminal): Promise<void> {
  const api = connect(options, terminal);
  const query = {
    groupBy: options.by,
    interval: options.interval,
    from: options.from,
    to: options.to,
    sort: options.csv ? undefined : options.sort,
    "filter[key]": options.key === undefined ? undefined : await findKeyId(api, options.key),
    "filter[model]": options.model,
    "filter[provider]": options.provider,
    "filter[gateway]": options.gateway,
    "filter[project]": options.project,
    "filter[owner]": options.owner,
  };
  if (options.csv) return csv(query, options, terminal);
  const limit = options.limit === undefined ? undefined : wholeOf("--limit", options.limit);
  showList(terminal, options, await api.list("/usage", query, limit), columnsOf(options));
}

function columnsOf({ by, interval }: Options): Column[] {
  const groups = (by ?? "").split(",").filter((group) => group !== "");
  const value = (from: unknown, name: string) => (from as Record<string, string | null> | undefined)?.[name];
  return [
    ...(interval === undefined ? [] : [["at", ({ at }) => String(at)] satisfies Column]),
    ...groups.map((name): Column => [name, ({ names, group }) => value(names, name) ?? value(group, name)]),
    ["requests", ({ requests }) => Number(requests)],
    ["errors", ({ errors }) => Number(errors)],
    ["refused", ({ refused }) => Number(refused)],
    ["input", ({ inputTokens }) => Number(inputTokens)],
    ["output", ({ outputTokens }) => Number(outputTokens)],
    ["cost", ({ spentUsd }) => `$${spentUsd}`],
    ["p50 ms", ({ latencyP50Ms }) => (latencyP50Ms === null ? null : Number(latencyP50Ms))],
    ["p95 ms", ({ latencyP95Ms }) => (latencyP95Ms === null ? null : Number(latencyP95Ms))],
  ];
}

async function csv(
  query: Record<string, string | undefined>,
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const url = urlOf(options, terminal.env);
  const address = new URL(`${url}/api/v1/usage`);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) address.searchParams.set(name, value);
  const headers = { accept: "text/csv", authorization: `Bearer ${tokenFor(url, terminal.env)}` };
  const response = await reach(address, { headers });
  const text = await response.text();
  if (!response.ok) throw new CommandError(text, codeFor(response.status));
  terminal.write(text);
}
