/**
 * What `helm template` makes of this chart, where helm cannot be had: the few constructs of Go's templates that the chart
 * uses (values, `quote`, `toJson`, `if`/`else`/`end`, trimming). Any other stops it, so that the chart keeps to them.
 */

export type Values = Readonly<Record<string, unknown>>;

/** Renders one template. */
export function renderTemplate(text: string, values: Values, release: string): string {
  const tokens = tokensOf(text);
  const { output, next } = block(tokens, 0, { Values: values, Release: { Name: release } }, true);
  if (next < tokens.length) throw new Error(`{{ ${tokens[next]?.text} }} belongs to nothing`);
  return output;
}

interface Token {
  readonly kind: "text" | "action";
  readonly text: string;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let rest = text;
  for (;;) {
    const match = /\{\{(-?)\s*([\s\S]*?)\s*(-?)\}\}/.exec(rest);
    if (match === null) return [...tokens, { kind: "text", text: rest }];
    const [all, trimLeft, action = "", trimRight] = match;
    const before = rest.slice(0, match.index);
    tokens.push(
      { kind: "text", text: trimLeft === "-" ? before.trimEnd() : before },
      { kind: "action", text: action },
    );
    rest = rest.slice(match.index + all.length);
    if (trimRight === "-") rest = rest.trimStart();
  }
}

function block(
  tokens: readonly Token[],
  from: number,
  scope: Values,
  shown: boolean,
): { output: string; next: number } {
  let output = "";
  let at = from;
  while (at < tokens.length) {
    const { kind, text } = tokens[at] ?? { kind: "text", text: "" };
    if (kind === "text") output += shown ? text : "";
    else if (text.startsWith("if ")) {
      const holds = truthy(evaluate(text.slice(3), scope));
      const first = block(tokens, at + 1, scope, shown && holds);
      output += first.output;
      at = first.next;
      if (tokens[at]?.text === "else") {
        const second = block(tokens, at + 1, scope, shown && !holds);
        output += second.output;
        at = second.next;
      }
      if (tokens[at]?.text !== "end") throw new Error(`{{ ${text} }} has no end`);
    } else if (text === "else" || text === "end") return { output, next: at };
    else if (shown) output += String(evaluate(text, scope));
    at += 1;
  }
  return { output, next: at };
}

/** Go's templates: empty text, zero, false and nothing are false. */
const truthy = (value: unknown): boolean =>
  value !== "" && value !== 0 && value !== false && value !== undefined && value !== null;

const filters: Readonly<Record<string, (value: unknown) => string>> = {
  quote: (value) => JSON.stringify(String(value)),
  toJson: (value) => JSON.stringify(value),
};

function evaluate(expression: string, scope: Values): unknown {
  const [path = "", ...names] = expression.split("|").map((part) => part.trim());
  if (!/^\.[A-Za-z.]+$/.test(path)) throw new Error(`{{ ${expression} }} is not understood`);
  let value: unknown = scope;
  for (const name of path.slice(1).split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name))
      throw new Error(`${path} is not in values.yaml`);
    value = (value as Record<string, unknown>)[name];
  }
  for (const name of names) {
    const filter = filters[name];
    if (filter === undefined) throw new Error(`{{ ${expression} }}: the filter ${name} is not understood`);
    value = filter(value);
  }
  return value;
}
