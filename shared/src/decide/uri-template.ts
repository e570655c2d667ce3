/**
 * Whether a URI is one that a template stands for (RFC 6570, as MCP servers use it). Strict, because it opens doors: what
 * stands for a simple expression is one segment, neither empty nor a step up, and has no separator in it, however that is
 * spelled. Each expression ends where what follows it first stands, so that no template costs more than one pass.
 */

type Operator = "" | "+" | "#" | "?" | "&" | "/" | "." | ";";

interface Part {
  readonly literal: string;
  /** Of the expression behind the literal; undefined at the end. */
  readonly operator: Operator | undefined;
}

const EXPRESSION = /\{([+#?&/.;]?)[A-Za-z0-9_.%,:*]+\}/g;
const PARTS_MAX = 32;
const URI_LENGTH_MAX = 2_048;

/** False also for a template that cannot be read. */
export function matchesTemplate(template: string, uri: string): boolean {
  const parts = partsOf(template);
  if (parts === undefined || uri.length > URI_LENGTH_MAX || hasSteps(uri)) return false;
  let at = 0;
  for (const [i, { literal, operator }] of parts.entries()) {
    if (!uri.startsWith(literal, at)) return false;
    at += literal.length;
    if (operator === undefined) return at === uri.length;
    const end = endOf(uri, at, operator, parts[i + 1] as Part);
    if (end === undefined || !isValue(operator, uri.slice(at, end))) return false;
    at = end;
  }
  return false;
}

/**
 * Whether whoever reads both more loosely than we do may take one of these spellings (`spellingsOf`) for one of the
 * template, or for it itself. Loose, because it closes doors: `file:///a.txt` is also `FILE:/%61.txt`, and what stands for
 * an expression is anything.
 */
export function mayMean(template: string, spellings: readonly string[]): boolean {
  const literals = template.split(/\{[^{}]*\}/).map(plainOf);
  return spellings.some((text) => isFilled(literals, text));
}

function isFilled(literals: readonly string[], text: string): boolean {
  const [first = ""] = literals;
  if (literals.length === 1) return text === first || `${text}/` === first;
  const last = literals.at(-1) ?? "";
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const literal of literals.slice(1, -1)) {
    const found = text.indexOf(literal, at);
    if (found < 0) return false;
    at = found + literal.length;
  }
  return at <= text.length - last.length;
}

/**
 * A URI in every form that a server may level it to: whole, without its fragment, which is for clients, and without its
 * query, which no file has; each also with single slashes and without the one at its end.
 */
export function spellingsOf(uri: string): readonly string[] {
  const [withoutFragment = ""] = uri.split("#", 1);
  const [path = ""] = withoutFragment.split("?", 1);
  const plain = [uri, withoutFragment, path].map(plainOf);
  const single = plain.map((text) => text.replace(/\/{2,}/g, "/"));
  return [...new Set([...plain, ...single, ...single.map((text) => text.replace(/\/$/, ""))])];
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: parsers of URLs take them out
const UNSEEN = /[\u0000-\u0020\u007f]/g;

/** As parsers of URLs level them; paths lead to the same file in upper and lower case where there is such a disk. */
function plainOf(uri: string): string {
  return uri
    .replace(/(?:%[0-9a-f]{2})+/gi, decode)
    .normalize("NFC")
    .replace(UNSEEN, "")
    .replaceAll("\\", "/")
    .toLowerCase()
    .replace(/^([a-z][a-z0-9+.-]*:)\/+/, "$1")
    .replace(/^file:localhost\/+/, "file:");
}

function decode(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    // No UTF-8: whoever takes it does so byte by byte.
    return escapes.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}

function partsOf(template: string): Part[] | undefined {
  const parts: Part[] = [];
  let at = 0;
  for (const match of template.matchAll(EXPRESSION)) {
    parts.push({ literal: template.slice(at, match.index), operator: match[1] as Operator });
    at = match.index + match[0].length;
  }
  parts.push({ literal: template.slice(at), operator: undefined });
  return parts.length > PARTS_MAX || parts.some(({ literal }) => /[{}]/.test(literal)) ? undefined : parts;
}

/** Where the expression at `at` ends; undefined when that cannot be told. */
function endOf(uri: string, at: number, operator: Operator, next: Part): number | undefined {
  if (OPTIONAL.has(operator) && uri[at] !== operator) return at;
  if (next.literal !== "") {
    const found = uri.indexOf(next.literal, at);
    return found < 0 ? undefined : found;
  }
  if (next.operator === undefined) return uri.length;
  if (next.operator === "" || next.operator === "+") return undefined;
  const found = uri.indexOf(next.operator, at + 1);
  return found < 0 ? uri.length : found;
}

const OPTIONAL: ReadonlySet<Operator> = new Set<Operator>(["#", "?", "&", ";"]);

function isValue(operator: Operator, value: string): boolean {
  switch (operator) {
    case "":
      return isSegment(value);
    case "/":
    case ".":
      return value.startsWith(operator) && isSegment(value.slice(1));
    case "+":
      return /^[^?#\s]+$/.test(value);
    default:
      return /^\S*$/.test(value);
  }
}

/** A step in the path, spelled in any way that somebody behind us may read as one. */
export function hasSteps(uri: string): boolean {
  const plain = uri.replace(UNSEEN, "").replace(/%2e/gi, ".").replace(/%2f/gi, "/").replace(/%5c/gi, "\\");
  return /(?:^|[/\\])\.\.?(?:[/\\?#]|$)/.test(plain);
}

function isSegment(value: string): boolean {
  let plain: string;
  try {
    plain = decodeURIComponent(value);
  } catch {
    // A stray percent sign stands for nothing that could be judged.
    return false;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return plain !== "" && plain !== "." && plain !== ".." && !/[/\\?#\u0000-\u001f\u007f]/.test(plain);
}
