/** The fenced blocks of a document, and what the comments before them say. */

export interface Block {
  readonly path: string;
  /** Of its first line, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** Why nobody runs it. */
  readonly notRun: string | undefined;
  /** What its output must have. */
  readonly prints: RegExp | undefined;
  /** A Python module that it needs. */
  readonly needs: string | undefined;
}

const runnable = ["sh", "python", "ts"];

/** Every block that is a command or a program. */
export function blocksOf(path: string, document: string): Block[] {
  const found: Block[] = [];
  const fence = /((?:<!--[^\n]*-->\n)*)```(\w+)\n([\s\S]*?)\n```/g;
  for (const match of document.matchAll(fence)) {
    const [, comments = "", language = "", text = ""] = match;
    if (!runnable.includes(language)) continue;
    const said = (name: string) => new RegExp(`<!-- ${name}:? ?(.*?) ?-->`).exec(comments)?.[1];
    const prints = said("prints");
    found.push({
      path,
      line: document.slice(0, match.index + comments.length).split("\n").length,
      language,
      text,
      notRun:
        said("not run") ??
        (comments.includes("<!-- the runner does this -->") ? "the runner does this" : undefined),
      prints: prints === undefined ? undefined : new RegExp(prints, "m"),
      needs: said("needs"),
    });
  }
  return found;
}
