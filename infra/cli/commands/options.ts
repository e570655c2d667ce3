/** What several commands read in the same way. */
import type { Command } from "commander";
import { CommandError, exitCodes, type Terminal } from "../command.ts";

export interface BudgetOptions {
  readonly budget?: string;
  readonly budgetPeriod?: string;
  readonly alertAt?: string;
}

/** Budget and `--set`, as whatever has a budget takes them. */
export function withBudget(command: Command): Command {
  return command
    .option("--budget <usd>", 'what may be spent, e.g. 25.00; "none" takes the limit away')
    .option("--budget-period <period>", "total, daily, weekly or monthly (UTC)")
    .option("--alert-at <percents>", "tell when so much is spent, e.g. 50,80,100")
    .option("--set <attribute=JSON...>", "any attribute of the API by its name");
}

/** The attributes of those options. */
export function budgetOf({ budget, budgetPeriod, alertAt }: BudgetOptions): Record<string, unknown> {
  return {
    ...(budget === undefined ? {} : { budgetUsd: noneOr(budget, (text) => text) }),
    ...(budgetPeriod === undefined ? {} : { budgetPeriod: noneOr(budgetPeriod, (text) => text) }),
    ...(alertAt === undefined
      ? {}
      : {
          budgetAlertThresholds: noneOr(alertAt, (text) =>
            listOf(text).map((one) => wholeOf("--alert-at", one)),
          ),
        }),
  };
}

/** `none` is null. */
export function noneOr<T>(text: string, read: (text: string) => T): T | null {
  return text === "none" ? null : read(text);
}

/** Entries between commas. */
export function listOf(text: string): string[] {
  return text.split(",").flatMap((entry) => (entry.trim() === "" ? [] : [entry.trim()]));
}

/** A whole number; throws with the option's name. */
export function wholeOf(option: string, text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new CommandError(`${option} must be a whole number, or none where that is allowed`, exitCodes.usage);
}

/** `--set name=JSON`; what is no JSON is taken as text. */
export function attributesOf(settings: readonly string[] | undefined): Record<string, unknown> {
  return Object.fromEntries(
    (settings ?? []).map((setting) => {
      const at = setting.indexOf("=");
      if (at < 1) throw new CommandError("--set takes attribute=JSON", exitCodes.usage);
      return [setting.slice(0, at), jsonOr(setting.slice(at + 1))];
    }),
  );
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const DAY_MS = 86_400_000;

/** `never`, `90d`, `12h`, or an ISO 8601 instant, as the API takes it. */
export function expiryOf(text: string, now: Date): string | null {
  if (text === "never" || text === "none") return null;
  const [, count, unit] = /^(\d{1,5})([hdwy])$/.exec(text) ?? [];
  if (count === undefined) return text;
  const units: Record<string, number> = { h: DAY_MS / 24, d: DAY_MS, w: 7 * DAY_MS, y: 365 * DAY_MS };
  return new Date(now.getTime() + Number(count) * (units[unit ?? ""] ?? 0)).toISOString();
}

/** Returns when it may be done; throws when nobody said so. */
export async function confirm(terminal: Terminal, yes: boolean | undefined, question: string): Promise<void> {
  if (yes) return;
  if (!terminal.isInteractive)
    throw new CommandError("nothing was changed; add --yes to do it", exitCodes.usage);
  if (/^y(es)?$/i.test(await terminal.ask(`${question} (yes/no)`))) return;
  throw new CommandError("nothing was changed", exitCodes.usage);
}

/** `Prefer: wait=N`, when it is asked for. */
export function waitHeader(wait: string | undefined): Record<string, string> {
  return wait === undefined ? {} : { prefer: `wait=${wholeOf("--wait", wait)}` };
}
