/**
 * `npm run bench`: every benchmark there is, each several times, and docs/reports/bench.md. Exits 1 when a figure is not
 * reached or a benchmark failed.
 *
 *   --runs 3            so many runs of each
 *   --only admit,table  these alone
 *   --out PATH          the report goes there instead
 */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pathOf } from "../../house/root.ts";
import { outcomesOf, verdictOf } from "./outcome.ts";
import { benchPage, type Measured, rowsOf } from "./report.ts";
import { printTable } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    only: { type: "string" },
    out: { type: "string", default: pathOf("docs/reports/bench.md") },
  },
});

const startedAt = new Date();
const names = values.only?.split(",") ?? benchmarks();
const measured: Measured[] = [];
for (const name of names) measured.push(await measure(name));
mkdirSync(dirname(resolve(values.out)), { recursive: true });
writeFileSync(resolve(values.out), benchPage(measured, startedAt));
const rows = rowsOf(measured);
printTable([
  ["bench", "what", "median", "asked", "verdict"],
  ...rows.map((row) => [
    row.bench,
    row.what,
    `${row.value.toPrecision(3)} ${row.unit}`,
    `${row.is} ${row.toReach}`,
    verdictOf(row),
  ]),
]);
const missed = rows.filter((row) => verdictOf(row) === "not reached").length;
const failed = measured.filter(({ failures }) => failures.length > 0);
for (const { name, failures } of failed) console.log(`FAIL ${name}: ${failures[0]?.slice(-500)}`);
const ok = missed === 0 && failed.length === 0;
console.log(
  ok
    ? "verdict: every figure is reached"
    : `verdict: ${missed} figures are not reached, ${failed.length} benchmarks failed`,
);
process.exitCode = ok ? 0 : 1;

/** A benchmark is a file of its own at the top of infra/bench. */
function benchmarks(): string[] {
  return readdirSync(pathOf("infra/bench"))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

async function measure(name: string): Promise<Measured> {
  const outputs: string[] = [];
  const failures: string[] = [];
  for (let n = 1; n <= Number(values.runs); n++) {
    console.log(`${name}: run ${n} of ${values.runs}`);
    const { code, output } = await runOne(name);
    // One without goals tells figures only; one that is not reached ends with 1 and is no failure of the benchmark.
    const isJudged = outcomesOf(output).length > 0;
    if (code === 0 || isJudged) outputs.push(output);
    else failures.push(`exit ${code}\n${output.slice(-2_000)}`);
  }
  return { name, outputs, failures };
}

async function runOne(name: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ["--expose-gc", pathOf(`infra/bench/${name}.ts`)], {
    cwd: pathOf("."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((done, reject) => {
    child.on("error", reject);
    child.on("close", done);
  });
  return { code, output };
}
