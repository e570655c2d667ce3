/** An output limit in the provider's words, where the caller's has none that the provider reads (PROTOCOL §2.8, "Bound"). */
import { scanJson } from "@claviger/shared/decide/scan-json";

/** Bytes from `start` to `end` become this text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface OutputLimit {
  readonly field: string;
  readonly tokens: number;
}

const GENERATION = ["generationConfig", "generation_config"];

/** `bytes` is an object that was read before. A member of that name is replaced, so that no name is there twice. */
export function limitEdit(bytes: Uint8Array, { field, tokens }: OutputLimit): Edit {
  if (field !== "maxOutputTokens") return memberEdit(bytes, 0, bytes.length, field, String(tokens));
  const members = scan(bytes, new Set(GENERATION)).members;
  const [name, config] = GENERATION.flatMap((each) => {
    const member = members.get(each);
    return member === undefined ? [] : [[each, member] as const];
  })[0] ?? [GENERATION[0] ?? "", undefined];
  if (config !== undefined && bytes[config.start] === 0x7b) {
    return memberEdit(bytes, config.start, config.end, field, String(tokens));
  }
  return memberEdit(bytes, 0, bytes.length, name, JSON.stringify({ [field]: tokens }));
}

/** Sets a member of the object that stands from `from` to `to`. */
function memberEdit(bytes: Uint8Array, from: number, to: number, name: string, value: string): Edit {
  const { members, insertAt, empty } = scan(bytes.subarray(from, to), new Set([name]));
  const member = members.get(name);
  if (member !== undefined) return { start: from + member.start, end: from + member.end, text: value };
  const at = from + insertAt;
  return { start: at, end: at, text: `${JSON.stringify(name)}:${value}${empty ? "" : ","}` };
}

function scan(bytes: Uint8Array, wanted: ReadonlySet<string>) {
  const found = scanJson(bytes, wanted);
  if (found.kind === "invalid") throw new Error("a body that was read is no object any more");
  return found;
}
