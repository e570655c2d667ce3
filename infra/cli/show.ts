/** How answers are printed: `--json` is the API's own document, else words and tables. */
import type { Answer, Operation, Resource } from "./api.ts";
import { CommandError, exitCodes, type Terminal } from "./command.ts";
import type { Globals } from "./connect.ts";
import { type Cell, tableOf } from "./table.ts";

type Out = Pick<Terminal, "out">;

/** A column: its head, and what it shows of a resource. */
export type Column = readonly [head: string, cell: (attributes: Record<string, unknown>, id: string) => Cell];

/** A list, as `{data: […]}` or as a table. */
export function showList(
  { out }: Out,
  { json }: Globals,
  resources: readonly Resource[],
  columns: readonly Column[],
): void {
  if (json) return out(JSON.stringify({ data: resources }, undefined, 2));
  const heads = columns.map(([head]) => head);
  const rows = resources.map(({ id, attributes }) => columns.map(([, cell]) => cell({ ...attributes }, id)));
  for (const line of tableOf(heads, rows)) out(line);
}

/** One resource: every attribute on a line. */
export function showOne({ out }: Out, { json }: Globals, answer: Answer): void {
  if (json) return out(JSON.stringify(answer.document, undefined, 2));
  const { data } = answer.document;
  if (data === null || Array.isArray(data)) return;
  const { id, attributes } = data as Resource;
  const width = Math.max(2, ...Object.keys(attributes).map((name) => name.length));
  out(`${"id".padEnd(width)}  ${id}`);
  for (const [name, value] of Object.entries(attributes)) out(`${name.padEnd(width)}  ${textOf(value)}`);
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export interface ChangeOptions extends Globals {
  /** Nothing but the secret goes to standard output. */
  readonly secretOnly?: boolean;
}

/**
 * A change: what became of it, its secret, and which gateways have it. Throws with the code for "pending" after having
 * printed everything, when what was taken away still holds somewhere.
 */
export function showChange(
  terminal: Pick<Terminal, "out" | "say">,
  options: ChangeOptions,
  answer: Answer,
  what: string,
): void {
  const { out, say } = terminal;
  const { data, meta } = answer.document;
  const secret = meta?.secretKey;
  const pending = answer.status === 202;
  if (options.json) out(JSON.stringify(answer.document, undefined, 2));
  else if (options.secretOnly && secret !== undefined) out(secret);
  else {
    const id = data === null || Array.isArray(data) ? "" : ` ${(data as Resource).id}`;
    out(`${what}${id}`);
    if (secret !== undefined) {
      out(`secret (shown once): ${secret}`);
    }
  }
  const words = wordsOf(meta?.operation ?? undefined);
  if (!options.json) for (const line of words) (options.secretOnly ? say : out)(line);
  if (pending) throw new CommandError("not yet in force everywhere; see above", exitCodes.pending);
}

/** Which gateways have a change, and by when the others act on it by themselves. */
export function wordsOf(operation: Operation | undefined): string[] {
  if (operation === undefined || operation.gateways.length === 0) return [];
  const names = (state: (state: string) => boolean) => [
    ...new Set(operation.gateways.filter((gateway) => state(gateway.state)).map(({ name }) => name)),
  ];
  const confirmed = names((state) => state === "confirmed");
  const missing = operation.gateways.filter(({ state }) => state !== "confirmed");
  const lines = confirmed.length === 0 ? [] : [`confirmed by ${confirmed.join(", ")}`];
  for (const { name, replica, state, refusesBy } of missing) {
    const by = refusesBy === undefined ? "" : `; refuses by itself at ${refusesBy}`;
    lines.push(`${name} (${replica}) is ${state}${by}`);
  }
  return [...lines, `operation ${operation.id}: ${operation.status}`];
}
