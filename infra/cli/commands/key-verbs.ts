/** What happens to a key after it was made. */
import type { Command } from "commander";
import { CommandError, exitCodes, type Terminal } from "../command.ts";
import { connect, type Globals } from "../connect.ts";
import { findKeyId } from "../find.ts";
import { showChange } from "../show.ts";
import { attributesOf, confirm, listOf, waitHeader, wholeOf } from "./options.ts";

interface VerbOptions extends Globals {
  readonly reason?: string;
  readonly inflight?: string;
  readonly yes?: boolean;
  readonly wait?: string;
  readonly grace?: string;
  readonly ttl?: string;
  readonly models?: string;
  readonly secretOnly?: boolean;
  readonly set?: readonly string[];
}

const statusVerbs = [
  ["deactivate", "stop it until it is activated", "deactivated"],
  ["activate", "let an inactive or revoked one work again, with the same secret", "activated"],
  ["revoke", "refuse it on every gateway", "revoked"],
] as const;

export function addKeyVerbs(keys: Command, terminal: Terminal): void {
  for (const [verb, about, done] of statusVerbs) {
    withInterrupt(keys.command(`${verb} <key>`).description(about)).action(
      async (wanted: string, _options, command: Command) => {
        const options = command.optsWithGlobals<VerbOptions>();
        const run = (id: string) => ["POST", `/api-keys/${id}/${verb}`, interruptOf(options)] as const;
        await change(wanted, options, terminal, `${done} API key`, run);
      },
    );
  }
  withInterrupt(keys.command("delete <key>").description("delete it for good"))
    .option("--yes", "do not ask")
    .action(async (wanted: string, _options, command: Command) => {
      const options = command.optsWithGlobals<VerbOptions>();
      await confirm(terminal, options.yes, `Delete API key ${wanted} for good?`);
      await change(wanted, options, terminal, "deleted API key", (id) => [
        "DELETE",
        `/api-keys/${id}`,
        interruptOf(options),
      ]);
    });
  addSecrets(keys, terminal);
  addBulk(keys, terminal);
}

function withInterrupt(command: Command): Command {
  return command
    .option("--reason <text>", "why, as the audit shows it")
    .option("--inflight <what>", "abort or drain: what becomes of requests that run")
    .option("--wait <seconds>", "how long to wait for the gateways (default 10)");
}

function interruptOf({ reason, inflight }: VerbOptions): Record<string, string> {
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(inflight === undefined ? {} : { inflight }),
  };
}

function addSecrets(keys: Command, terminal: Terminal): void {
  keys
    .command("rotate <key>")
    .description("make a new secret, printed once; the old one stops at once, or after --grace")
    .option("--grace <seconds>", "how long the old secret still works (0…604800)")
    .option("--secret-only", "print nothing but the secret")
    .option("--wait <seconds>", "how long to wait for the gateways (default 10)")
    .action(async (wanted: string, _options, command: Command) => {
      const options = command.optsWithGlobals<VerbOptions>();
      const body = options.grace === undefined ? {} : { graceSeconds: wholeOf("--grace", options.grace) };
      await change(wanted, options, terminal, "rotated API key", (id) => [
        "POST",
        `/api-keys/${id}/rotate`,
        body,
      ]);
    });
  keys
    .command("end-rotation <key>")
    .description("end a running grace now")
    .action(async (wanted: string, _options, command: Command) => {
      const options = command.optsWithGlobals<VerbOptions>();
      await change(wanted, options, terminal, "ended the grace of", (id) => [
        "POST",
        `/api-keys/${id}/rotation/end`,
        {},
      ]);
    });
  keys
    .command("token <key>")
    .description("make a short-lived token of a key, never wider than the key is")
    .option("--ttl <seconds>", "how long it lives (30…86400; 3600)")
    .option("--models <names>", "allowed ones, with commas")
    .option("--set <attribute=JSON...>", "any attribute of the API by its name")
    .option("--secret-only", "print nothing but the token")
    .action(async (wanted: string, _options, command: Command) => {
      const options = command.optsWithGlobals<VerbOptions>();
      const body = {
        ...(options.ttl === undefined ? {} : { ttlSeconds: wholeOf("--ttl", options.ttl) }),
        ...(options.models === undefined ? {} : { allowedModels: listOf(options.models) }),
        ...attributesOf(options.set),
      };
      await change(wanted, options, terminal, "made token", (id) => [
        "POST",
        `/api-keys/${id}/ephemeral-tokens`,
        body,
      ]);
    });
}

interface BulkOptions extends VerbOptions {
  readonly status?: string;
  readonly search?: string;
  readonly owner?: string;
  readonly project?: string;
}

const bulkActions = ["deactivate", "activate", "revoke", "delete", "edit"];

function addBulk(keys: Command, terminal: Terminal): void {
  withInterrupt(
    keys
      .command("bulk <action> [keys...]")
      .description("deactivate, activate, revoke, delete or edit up to 200 at once"),
  )
    .option("--status <status>", "instead of naming keys: all of that status")
    .option("--search <text>", "… whose name or preview has this")
    .option("--owner <member>", "… of that member")
    .option("--project <project>", "… of that project (id)")
    .option("--set <attribute=JSON...>", "what edit changes")
    .option("--yes", "do not ask")
    .action((action: string, wanted: string[], _options, command: Command) =>
      bulk(action, wanted, command.optsWithGlobals(), terminal),
    );
}

async function bulk(
  action: string,
  wanted: readonly string[],
  options: BulkOptions,
  terminal: Terminal,
): Promise<void> {
  if (!bulkActions.includes(action))
    throw new CommandError(`the action is one of ${bulkActions.join(", ")}`, exitCodes.usage);
  const api = connect(options, terminal);
  const ids = await Promise.all(wanted.map((key) => findKeyId(api, key)));
  const { status, search, owner, project } = options;
  const filter = Object.fromEntries(
    Object.entries({ status, search, owner, project }).filter(([, value]) => value !== undefined),
  );
  if (ids.length === 0 && Object.keys(filter).length === 0) {
    throw new CommandError(
      "name keys, or say which with --status, --search, --owner or --project",
      exitCodes.usage,
    );
  }
  await confirm(
    terminal,
    options.yes,
    `${action} ${ids.length === 0 ? "all that match" : `${ids.length} keys`}?`,
  );
  const body = {
    action,
    ...(ids.length > 0 ? { ids } : { filter }),
    ...(options.set === undefined ? {} : { attributes: attributesOf(options.set) }),
    ...interruptOf(options),
  };
  const answer = await api.call("POST", "/api-keys/bulk", { body, headers: waitHeader(options.wait) });
  if (!options.json) {
    const results = (answer.document.meta?.results ?? []) as {
      id: string;
      name: string | null;
      state: string;
      detail?: string;
    }[];
    for (const { id, name, state, detail } of results) {
      terminal.out(`${id} ${name ?? ""}: ${state}${detail === undefined ? "" : ` (${detail})`}`);
    }
  }
  showChange(terminal, options, answer, "done:");
}

type Plan = (id: string) => readonly ["POST" | "DELETE", string, object];

async function change(
  wanted: string,
  options: VerbOptions,
  terminal: Terminal,
  done: string,
  plan: Plan,
): Promise<void> {
  const api = connect(options, terminal);
  const [method, path, body] = plan(await findKeyId(api, wanted));
  showChange(
    terminal,
    options,
    await api.call(method, path, { body, headers: waitHeader(options.wait) }),
    done,
  );
}
