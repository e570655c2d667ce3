/** One terminal in which a reader types what a document says: what a block exports, the next one has. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Block } from "./blocks.ts";

const CHECKOUT = resolve(import.meta.dirname, "../..");
const TIMEOUT_MS = 180_000;

export interface Session {
  /** A new terminal: only what signing in has left in the home is still there. The key is the one that `npm start` printed. */
  begin(): void;
  /** What the block printed, on both streams; throws with it when the block failed or printed something else. */
  run(block: Block): Promise<string>;
  close(): void;
}

export interface Place {
  /** Of the session's own files; made and removed. */
  readonly folder: string;
  /** The stack's home and first port, in place of those that a document names. */
  readonly home: string;
  readonly portBase: number;
  readonly node: string;
}

/** A session whose commands see `home` and `portBase` where the document says `.claviger` and 87xx. */
export function openSession({ folder, home, portBase, node }: Place): Session {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  // What npx would do, a second sooner; that npx does it has a test of its own.
  const shim = `#!/bin/sh\nshift\nexec '${node}' '${join(CHECKOUT, "infra/cli/main.ts")}' "$@"\n`;
  writeFileSync(join(bin, "npx"), shim, { mode: 0o755 });
  symlinkSync(node, join(bin, "node"));
  symlinkSync(join(CHECKOUT, "infra/node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}\n');
  const state = join(folder, "exports");
  const url = (offset: number) => `http://127.0.0.1:${portBase + offset}`;
  const env = {
    PATH: `${bin}:${process.env.PATH ?? ""}`,
    HOME: folder,
    CLAVIGER_CONTROL_PLANE_URL: url(0),
    CLAVIGER_GATEWAY_URL: url(1),
  };
  const here = (text: string) =>
    text
      .replaceAll(/127\.0\.0\.1:87(\d\d)/g, (_, offset: string) => `127.0.0.1:${portBase + Number(offset)}`)
      .replaceAll("./.claviger/", `${home}/`);
  return {
    begin: () => {
      const { demoKey } = JSON.parse(readFileSync(join(home, "credentials.json"), "utf8")) as {
        demoKey: string;
      };
      writeFileSync(state, `export CLAVIGER_API_KEY='${demoKey}'\n`);
    },
    run: async (block) => {
      const script = join(folder, `block-${block.line}`);
      const script_ =
        { sh: `${script}.sh`, python: `${script}.py`, ts: `${script}.ts` }[block.language] ?? script;
      writeFileSync(script_, `${here(block.text)}\n`);
      const programs: Record<string, string> = {
        sh: `source '${script_}'`,
        python: `python3 '${script_}'`,
        ts: `'${node}' '${script_}'`,
      };
      const wrapped = `set -e; source '${state}'; ${programs[block.language]}; export -p | grep -v ' \\(PATH\\|PWD\\|OLDPWD\\|SHLVL\\)=' > '${state}'`;
      const { output, code } = await shell(wrapped, env, folder);
      const where = `${block.path}:${block.line}`;
      if (code !== 0) throw new Error(`${where} ended with ${code}:\n${block.text}\n---\n${output}`);
      if (block.prints !== undefined && !block.prints.test(output)) {
        throw new Error(`${where} did not print ${block.prints}:\n${block.text}\n---\n${output}`);
      }
      return output;
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function shell(
  script: string,
  env: Record<string, string>,
  cwd: string,
): Promise<{ output: string; code: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-c", script], {
      env,
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: TIMEOUT_MS,
    });
    let output = "";
    const hear = (bytes: Buffer) => {
      output += bytes.toString("utf8");
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", reject);
    child.once("close", (code) => resolve({ output, code }));
  });
}

/** True when this machine's Python has the module. */
export const hasPython = (module = "json"): boolean =>
  spawnSync("python3", ["-c", `import ${module}`], { stdio: "ignore" }).status === 0;
