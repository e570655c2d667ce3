/** Runs the tests of one mutant in processes of their own, and says which of them notice it. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathOf, root } from "../house/root.ts";
import type { TestedMutant } from "./tested.ts";

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

export interface Noticed {
  /** `path › title` of each test that failed. */
  readonly failed: readonly string[];
  readonly passed: number;
  /** What vitest wrote, for when it says nothing else. */
  readonly output: string;
}

/** All tests of the mutant's files, or of the files that these stand in. Rejects when vitest itself does not run. */
export async function runTests(mutant: TestedMutant, only?: readonly string[]): Promise<Noticed> {
  const folder = mkdtempSync(join(tmpdir(), "claviger-mutant-"));
  const report = join(folder, "report.json");
  const files = only === undefined ? mutant.files : [...new Set(only.map((each) => splitTest(each).path))];
  const args = [
    pathOf("node_modules/vitest/vitest.mjs"),
    ...["run", "--config", pathOf(`infra/mutants/vitest.${mutant.stage}.config.ts`)],
    ...["--reporter=json", `--outputFile.json=${report}`, "--reporter=dot"],
    ...files,
  ];
  const env = { ...process.env, NO_COLOR: "1", CLAVIGER_MUTANT: mutant.name };
  try {
    const output = await outputOf(args, env);
    if (!existsSync(report))
      throw new Error(`${mutant.name}: vitest left no report\n${output.slice(-2_000)}`);
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as Report;
    const all = testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ fullName, status }) => ({
        id: `${relative(root, name)} › ${fullName}`,
        status,
      })),
    );
    const failed = all.filter(({ status }) => status === "failed").map(({ id }) => id);
    return { failed, passed: all.filter(({ status }) => status === "passed").length, output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The file and the title of a recorded test. */
export function splitTest(test: string): { path: string; title: string } {
  const [path = "", ...title] = test.split(" › ");
  return { path, title: title.join(" › ") };
}

async function outputOf(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-20_000);
    });
  }
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve());
  });
  return output;
}
