/** LLM API keys: what gateways call providers with. The credential comes in by a prompt or standard input. */
import type { Command } from "commander";
import type { Api, Resource } from "../api.ts";
import { CommandError, exitCodes, type Terminal } from "../command.ts";
import { connect, type Globals } from "../connect.ts";
import { findProject, pick } from "../find.ts";
import { type Column, showChange, showList } from "../show.ts";
import { tableOf, timeOf } from "../table.ts";
import { confirm, listOf } from "./options.ts";

const columns: readonly Column[] = [
  ["name", ({ name }) => String(name)],
  ["id", (_, id) => id],
  ["provider", ({ provider }) => String(provider)],
  ["credential", ({ preview }) => String(preview)],
  ["models", ({ models }) => (Array.isArray(models) ? models.length : null)],
  ["base url", ({ baseUrl }) => String(baseUrl)],
  ["created", ({ createdAt }) => timeOf(createdAt)],
];

interface Options extends Globals {
  readonly project?: string;
  readonly name?: string;
  readonly baseUrl?: string;
  readonly customModels?: string;
  readonly defaultModels?: boolean;
  readonly gateway?: string;
  readonly yes?: boolean;
}

export function addLlmKeys(program: Command, terminal: Terminal): void {
  const keys = program
    .command("llm-keys")
    .alias("llm-key")
    .description("LLM API keys: credentials of providers");
  const inProject = (command: Command) =>
    command.option("--project <project>", "id or name; not needed when there is one only");
  inProject(keys.command("list").description("list a project's")).action(
    async (_options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const api = connect(options, terminal);
      showList(terminal, options, await listOfProject(api, options.project), columns);
    },
  );
  inProject(
    keys.command("add <provider>").description("store a credential, e.g. of openai, anthropic, sandbox"),
  )
    .option("--name <slug>", "what callers write before a model's name; the provider unless given")
    .option("--base-url <url>", "of a compatible provider, a self-hosted server")
    .option("--custom-models <names>", "models beside the catalogue's, with commas")
    .option("--no-default-models", "only the custom ones")
    .action((provider: string, _options, command: Command) =>
      add(provider, command.optsWithGlobals(), terminal),
    );
  inProject(keys.command("rotate <llm-key>").description("replace the credential, without downtime")).action(
    (wanted: string, _options, command: Command) => rotate(wanted, command.optsWithGlobals(), terminal),
  );
  inProject(
    keys
      .command("test <llm-key>")
      .description("ask the provider, from the gateways, whether it lets them in"),
  )
    .option("--gateway <gateway>", "from this one only")
    .action((wanted: string, _options, command: Command) =>
      testOne(wanted, command.optsWithGlobals(), terminal),
    );
  inProject(
    keys.command("delete <llm-key>").description("delete it: calls with it stop at once on every gateway"),
  )
    .option("--yes", "do not ask")
    .action((wanted: string, _options, command: Command) =>
      remove(wanted, command.optsWithGlobals(), terminal),
    );
}

async function listOfProject(api: Api, project: string | undefined): Promise<Resource[]> {
  return api.list(`/projects/${(await findProject(api, project)).id}/llm-api-keys`);
}

async function findLlmKey(api: Api, wanted: string, project: string | undefined): Promise<string> {
  if (/^llm_[0-9A-Za-z]{12}$/.test(wanted)) return wanted;
  return pick(await listOfProject(api, project), wanted, "LLM API key").id;
}

async function add(provider: string, options: Options, terminal: Terminal): Promise<void> {
  const api = connect(options, terminal);
  const { id } = await findProject(api, options.project);
  const secretKey = (await terminal.askSecret(`Credential of ${provider}`)).trim();
  const attributes = {
    provider,
    secretKey,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.baseUrl === undefined ? {} : { baseUrl: options.baseUrl }),
    ...(options.customModels === undefined ? {} : { customModels: listOf(options.customModels) }),
    ...(options.defaultModels === false ? { withDefaultModels: false } : {}),
  };
  const body = { data: { type: "llm-api-key", attributes } };
  showChange(
    terminal,
    options,
    await api.call("POST", `/projects/${id}/llm-api-keys`, { body }),
    "stored LLM API key",
  );
}

async function rotate(wanted: string, options: Options, terminal: Terminal): Promise<void> {
  const api = connect(options, terminal);
  const id = await findLlmKey(api, wanted, options.project);
  const secretKey = (await terminal.askSecret("New credential")).trim();
  const answer = await api.call("POST", `/llm-api-keys/${id}/rotate`, { body: { secretKey } });
  showChange(terminal, options, answer, "replaced the credential of");
}

interface TestView {
  readonly outcome: string;
  readonly gateways: readonly {
    name: string;
    outcome: string;
    latencyMs: number | null;
    models: number | null;
  }[];
}

async function testOne(wanted: string, options: Options, terminal: Terminal): Promise<void> {
  const api = connect(options, terminal);
  const id = await findLlmKey(api, wanted, options.project);
  const body = options.gateway === undefined ? {} : { gateway: options.gateway };
  const { document } = await api.call("POST", `/llm-api-keys/${id}/test`, { body });
  const view = (document.meta?.test ?? (document.data as Resource | null)?.attributes) as unknown as TestView;
  if (options.json) terminal.out(JSON.stringify(document, undefined, 2));
  else {
    const rows = view.gateways.map(({ name, outcome, latencyMs, models }) => [
      name,
      outcome,
      latencyMs,
      models,
    ]);
    for (const line of tableOf(["gateway", "outcome", "ms", "models"], rows)) terminal.out(line);
  }
  if (view.outcome !== "ok")
    throw new CommandError(`not every gateway is let in: ${view.outcome}`, exitCodes.failed);
}

async function remove(wanted: string, options: Options, terminal: Terminal): Promise<void> {
  const api = connect(options, terminal);
  const id = await findLlmKey(api, wanted, options.project);
  await confirm(terminal, options.yes, `Delete LLM API key ${wanted}? Calls with it stop at once.`);
  showChange(terminal, options, await api.call("DELETE", `/llm-api-keys/${id}`), "deleted LLM API key");
}
