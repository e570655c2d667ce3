/** Shell completion, made from the commands themselves. */
import type { Command } from "commander";
import { CommandError, exitCodes, type Terminal } from "../command.ts";

export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command("completion <shell>")
    .description("completion for bash, zsh or fish, e.g. source <(claviger completion bash)")
    .action((shell: string) => {
      const write = writers[shell];
      if (write === undefined) throw new CommandError("the shell is bash, zsh or fish", exitCodes.usage);
      terminal.out(write(wordsBelow(program)));
    });
}

/** What may follow each command, by the words before it. */
type Words = ReadonlyMap<string, readonly string[]>;

function wordsBelow(root: Command): Words {
  const words = new Map<string, string[]>();
  const global = root.options.map(({ long }) => long ?? "").filter((name) => name !== "--version");
  const visit = (command: Command, path: readonly string[]) => {
    const children = command.commands.map((child) => child.name());
    const options = command.options.map(({ long }) => long ?? "");
    words.set(path.join(" "), [...children, ...options, ...(path.length === 0 ? [] : global), "--help"]);
    for (const child of command.commands) {
      for (const name of [child.name(), ...child.aliases()]) visit(child, [...path, name]);
    }
  };
  visit(root, []);
  return words;
}

const writers: Readonly<Record<string, (words: Words) => string>> = {
  bash,
  zsh: (words) => `autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`,
  fish,
};

/** Options, and what stands after them, are no part of the way to a command. */
function bash(words: Words): string {
  const cases = [...words].map(([path, next]) => `    "${path}") next="${next.join(" ")}" ;;`).join("\n");
  return `_claviger() {
  local way="" word next="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in -*) continue ;; esac
    case "$way $word" in
${ways(words)}
    esac
  done
  case "$way" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _claviger claviger`;
}

function ways(words: Words): string {
  return [...words.keys()]
    .filter((path) => path !== "")
    .map((path) => `      "${path.includes(" ") ? path : ` ${path}`}") way="${path}" ;;`)
    .join("\n");
}

function fish(words: Words): string {
  return [...words]
    .flatMap(([path, next]) => {
      const parts = path === "" ? [] : path.split(" ");
      const condition =
        parts.length === 0
          ? "__fish_use_subcommand"
          : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join("; and ");
      return next.map((word) =>
        word.startsWith("--")
          ? `complete -c claviger -n '${condition}' -l ${word.slice(2)}`
          : `complete -c claviger -f -n '${condition}' -a ${word}`,
      );
    })
    .join("\n");
}
