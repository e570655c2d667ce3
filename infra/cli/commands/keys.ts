/** API keys: every verb of the API. */
import type { Command } from "commander";
import type { Api } from "../api.ts";
import { CommandError, exitCodes, type Terminal } from "../command.ts";
import { connect, type Globals } from "../connect.ts";
import { findGateway, findKeyId, findProject } from "../find.ts";
import { type Column, showChange, showList, showOne } from "../show.ts";
import { timeOf } from "../table.ts";
import { addKeyVerbs } from "./key-verbs.ts";
import {
  attributesOf,
  type BudgetOptions,
  budgetOf,
  expiryOf,
  listOf,
  noneOr,
  waitHeader,
  wholeOf,
  withBudget,
} from "./options.ts";

const columns: readonly Column[] = [
  ["name", ({ name }) => String(name)],
  ["id", (_, id) => id],
  ["key", ({ preview }) => String(preview)],
  ["owner", ({ ownerName }) => String(ownerName)],
  ["status", ({ status }) => String(status)],
  ["expires", ({ expiresAt }) => timeOf(expiresAt) ?? "never"],
  ["last used", ({ lastUsedAt }) => timeOf(lastUsedAt)],
  ["requests", ({ requests }) => Number(requests)],
  ["spent", ({ spentUsd }) => `$${spentUsd}`],
  ["usage %", ({ usagePercent }) => Number(usagePercent)],
];

interface ListOptions extends Globals {
  readonly project?: string;
  readonly status?: string;
  readonly search?: string;
  readonly owner?: string;
  readonly safety?: string;
  readonly sort?: string;
  readonly limit?: string;
}

interface KeyOptions extends Globals, BudgetOptions {
  readonly project?: string;
  readonly name?: string;
  readonly note?: string;
  readonly owner?: string;
  readonly expires?: string;
  readonly requestsPerMinute?: string;
  readonly tokensPerMinute?: string;
  readonly maxConcurrency?: string;
  readonly providers?: string;
  readonly models?: string;
  readonly ips?: string;
  readonly metadata?: string;
  readonly maxStaleness?: string;
  readonly gateways?: string;
  readonly set?: readonly string[];
  readonly secretOnly?: boolean;
  readonly wait?: string;
  readonly ifMatch?: string;
}

export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program
    .command("keys")
    .alias("key")
    .description("API keys: make, list, edit, rotate, revoke …");
  withKeyOptions(keys.command("create").description("make one; its secret is printed once"))
    .option("--project <project>", "id or name; not needed when there is one only")
    .option("--secret-only", "print nothing but the secret, for scripts")
    .action((_options, command: Command) => create(command.optsWithGlobals(), terminal));
  keys
    .command("list")
    .description("list them")
    .option("--project <project>", "id or name")
    .option("--status <status>", "active, inactive, expired or revoked")
    .option("--search <text>", "part of a name or preview")
    .option("--owner <member>", "the owner's id")
    .option("--safety <card>", "no-budget, never-expires, idle or permissive")
    .option(
      "--sort <field>",
      "name, owner, status, requests, lastUsedAt, createdAt, expiresAt, spentUsd; - before it turns it round",
    )
    .option("--limit <n>", "so many at most")
    .action((_options, command: Command) => list(command.optsWithGlobals(), terminal));
  keys
    .command("show <key>")
    .description("one of them, by id or name")
    .action(async (wanted: string, _options, command: Command) => {
      const globals = command.optsWithGlobals<Globals>();
      const api = connect(globals, terminal);
      showOne(terminal, globals, await api.call("GET", `/api-keys/${await findKeyId(api, wanted)}`));
    });
  withKeyOptions(keys.command("edit <key>").description("change everything but the secret"))
    .option("--if-match <revision>", "only if nobody has changed it since that revision")
    .action((wanted: string, _options, command: Command) =>
      edit(wanted, command.optsWithGlobals(), terminal),
    );
  addKeyVerbs(keys, terminal);
}

function withKeyOptions(command: Command): Command {
  return withBudget(command)
    .option("--name <name>", "what it is called")
    .option("--note <text>", "what it is for")
    .option("--owner <member>", "whose it is; admins only")
    .option("--expires <when>", "never, 30d, 12h, 1y, or an ISO 8601 instant")
    .option("--requests-per-minute <n>", "over all gateways together; none: no limit")
    .option("--tokens-per-minute <n>", "over all gateways together; none: no limit")
    .option("--max-concurrency <n>", "requests at a time; none: no limit")
    .option("--providers <names>", "allowed ones, with commas; none: all")
    .option("--models <names>", "allowed ones, with commas, prefix* too; none: all")
    .option("--ips <addresses>", "allowed addresses and CIDRs, with commas; none: all")
    .option("--metadata <JSON>", "an object that is echoed in logs")
    .option("--max-staleness <seconds>", "how long a gateway that hears nobody goes on with it (30…604800)")
    .option("--gateways <names>", "where it works, with commas; none: everywhere")
    .option("--wait <seconds>", "how long to wait for the gateways (default 10)");
}

async function create(options: KeyOptions, terminal: Terminal): Promise<void> {
  const api = connect(options, terminal);
  const attributes = await attributesFrom(api, options, terminal.now());
  const project = await findProject(api, options.project);
  const body = { data: { type: "api-key", attributes } };
  const path = `/projects/${project.id}/api-keys`;
  const answer = await api.call("POST", path, { body, headers: waitHeader(options.wait) });
  showChange(terminal, options, answer, "created API key");
}

async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const api = connect(options, terminal);
  const projectId = options.project === undefined ? undefined : (await findProject(api, options.project)).id;
  const query = {
    "filter[project]": projectId,
    "filter[status]": options.status,
    "filter[search]": options.search,
    "filter[owner]": options.owner,
    "filter[safety]": options.safety,
    sort: options.sort,
  };
  const limit = options.limit === undefined ? undefined : wholeOf("--limit", options.limit);
  showList(terminal, options, await api.list("/api-keys", query, limit), columns);
}

async function edit(wanted: string, options: KeyOptions, terminal: Terminal): Promise<void> {
  const api = connect(options, terminal);
  const id = await findKeyId(api, wanted);
  const attributes = await attributesFrom(api, options, terminal.now());
  if (Object.keys(attributes).length === 0) {
    throw new CommandError('nothing to change: see "claviger keys edit --help"', exitCodes.usage);
  }
  const headers = {
    ...waitHeader(options.wait),
    ...(options.ifMatch === undefined ? {} : { "if-match": `"${options.ifMatch}"` }),
  };
  const body = { data: { type: "api-key", id, attributes } };
  showChange(
    terminal,
    options,
    await api.call("PATCH", `/api-keys/${id}`, { body, headers }),
    "changed API key",
  );
}

/** From options to the API's attributes; only what was given. */
async function attributesFrom(api: Api, options: KeyOptions, now: Date): Promise<Record<string, unknown>> {
  const given: Record<string, unknown> = { ...budgetOf(options) };
  const put = <T>(name: string, text: string | undefined, read: (text: string) => T) => {
    if (text !== undefined) given[name] = noneOr(text, read);
  };
  const same = (text: string) => text;
  if (options.name !== undefined) given.name = options.name;
  put("note", options.note, same);
  put("ownerId", options.owner, same);
  if (options.expires !== undefined) given.expiresAt = expiryOf(options.expires, now);
  put("requestsPerMinute", options.requestsPerMinute, (text) => wholeOf("--requests-per-minute", text));
  put("tokensPerMinute", options.tokensPerMinute, (text) => wholeOf("--tokens-per-minute", text));
  put("maxConcurrency", options.maxConcurrency, (text) => wholeOf("--max-concurrency", text));
  put("allowedProviders", options.providers, listOf);
  put("allowedModels", options.models, listOf);
  put("ipAllowlist", options.ips, listOf);
  put("maxStalenessSeconds", options.maxStaleness, (text) => wholeOf("--max-staleness", text));
  if (options.metadata !== undefined) given.metadata = objectOf(options.metadata);
  if (options.gateways !== undefined) given.gatewayIds = await gatewaysOf(api, options.gateways);
  return { ...given, ...attributesOf(options.set) };
}

function objectOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandError("--metadata must be a JSON object", exitCodes.usage);
  }
}

async function gatewaysOf(api: Api, text: string): Promise<string[] | null> {
  if (text === "none") return null;
  const found = await Promise.all(listOf(text).map((name) => findGateway(api, name)));
  return found.map(({ id }) => id);
}
