import type { Command } from "commander";
import type { Terminal } from "../command.ts";
import { connect, type Globals } from "../connect.ts";
import { findProject } from "../find.ts";
import { type Column, showChange, showList, showOne } from "../show.ts";
import { timeOf } from "../table.ts";
import { attributesOf, type BudgetOptions, budgetOf, confirm, withBudget } from "./options.ts";

const columns: readonly Column[] = [
  ["name", ({ name }) => String(name)],
  ["id", (_, id) => id],
  ["enabled", ({ enabled }) => (enabled === true ? "yes" : "no")],
  ["budget", ({ budgetUsd }) => (budgetUsd === null ? null : `$${budgetUsd}`)],
  ["created", ({ createdAt }) => timeOf(createdAt)],
];

interface EditOptions extends Globals, BudgetOptions {
  readonly name?: string;
  readonly enable?: boolean;
  readonly disable?: boolean;
  readonly set?: readonly string[];
}

export function addProjects(program: Command, terminal: Terminal): void {
  const projects = program.command("projects").alias("project").description("projects: what keys belong to");
  projects
    .command("list")
    .description("list them")
    .action(async (_options, command: Command) => {
      const globals = command.optsWithGlobals<Globals>();
      showList(terminal, globals, await connect(globals, terminal).list("/projects"), columns);
    });
  projects
    .command("show <project>")
    .description("one of them, by id or name")
    .action(async (wanted: string, _options, command: Command) => {
      const globals = command.optsWithGlobals<Globals>();
      const api = connect(globals, terminal);
      const { id } = await findProject(api, wanted);
      showOne(terminal, globals, await api.call("GET", `/projects/${id}`));
    });
  withBudget(projects.command("create <name>").description("make one")).action(
    async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<EditOptions>();
      const attributes = { name, ...budgetOf(options), ...attributesOf(options.set) };
      const body = { data: { type: "project", attributes } };
      const answer = await connect(options, terminal).call("POST", "/projects", { body });
      showChange(terminal, options, answer, "created project");
    },
  );
  withBudget(projects.command("edit <project>").description("rename, enable, disable, budget"))
    .option("--name <name>", "its new name")
    .option("--enable", "its keys work")
    .option("--disable", "its keys are refused everywhere")
    .action(async (wanted: string, _options, command: Command) => {
      const options = command.optsWithGlobals<EditOptions>();
      const api = connect(options, terminal);
      const { id } = await findProject(api, wanted);
      const attributes = {
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.enable ? { enabled: true } : {}),
        ...(options.disable ? { enabled: false } : {}),
        ...budgetOf(options),
        ...attributesOf(options.set),
      };
      const body = { data: { type: "project", attributes } };
      showChange(terminal, options, await api.call("PATCH", `/projects/${id}`, { body }), "changed project");
    });
  projects
    .command("delete <project>")
    .description("delete it; refused while it has keys")
    .option("--with-keys", "delete its keys too")
    .option("--yes", "do not ask")
    .action(async (wanted: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Globals & { withKeys?: boolean; yes?: boolean }>();
      const api = connect(options, terminal);
      const { id } = await findProject(api, wanted);
      await confirm(terminal, options.yes, `Delete project ${wanted} for good?`);
      const body = options.withKeys ? { keys: "delete" } : {};
      showChange(terminal, options, await api.call("DELETE", `/projects/${id}`, { body }), "deleted project");
    });
}
