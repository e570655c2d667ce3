/** What the doctor says: one line about what is, and, unless it is well, one about what to do. */

export interface Finding {
  /** What was looked at: `database`, `bus`, `clock`, `gateway eu-1` … */
  readonly about: string;
  /** `error`: something does not work, or will not. `warning`: it works, and is not as it should be. */
  readonly level: "ok" | "warning" | "error";
  readonly said: string;
  /** What to do; absent when all is well. */
  readonly mend?: string;
}

export const fine = (about: string, said: string): Finding => ({ about, level: "ok", said });
export const warning = (about: string, said: string, mend: string): Finding => ({
  about,
  level: "warning",
  said,
  mend,
});
export const error = (about: string, said: string, mend: string): Finding => ({
  about,
  level: "error",
  said,
  mend,
});

/** Why it failed, in one line: the innermost cause's words. */
export function whyOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.cause instanceof Error) return whyOf(thrown.cause);
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return whyOf(thrown.errors[0]);
  const code = "code" in thrown ? String(thrown.code) : "";
  const text = thrown.message.split("\n")[0] ?? "";
  return text === "" ? code : text;
}

/** The innermost cause's code, as Node and PostgreSQL name them. */
export function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (thrown.cause instanceof Error) return codeOf(thrown.cause) ?? ownCode(thrown);
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOf(thrown.errors[0]);
  return ownCode(thrown);
}

const ownCode = (thrown: Error) => ("code" in thrown ? String(thrown.code) : undefined);
