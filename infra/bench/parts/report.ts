/** docs/reports/bench.md: machine, versions, every row with its figure, its peer's and its verdict. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { pathOf } from "../../house/root.ts";
import { type Outcome, outcomesOf, verdictOf } from "./outcome.ts";
import { medianOf } from "./verdict.ts";

/** One benchmark and what each of its runs has printed. */
export interface Measured {
  readonly name: string;
  readonly outputs: readonly string[];
  /** Runs that ended by themselves with something else than a verdict. */
  readonly failures: readonly string[];
}

/** A goal over all runs of its benchmark: the median, and how far apart they were. */
export interface Row extends Outcome {
  readonly bench: string;
  readonly least: number;
  readonly most: number;
  readonly runs: number;
}

/** Goals of all benchmarks, each with the median of its runs. */
export function rowsOf(all: readonly Measured[]): Row[] {
  return all.flatMap(({ name, outputs }) => {
    const byWhat = Map.groupBy(outputs.flatMap(outcomesOf), ({ what }) => what);
    return [...byWhat.values()].flatMap((same): Row[] => {
      const [first] = same;
      if (first === undefined) return [];
      const values = same.map(({ value }) => value);
      const spread = { least: Math.min(...values), most: Math.max(...values), runs: values.length };
      return [{ ...first, ...spread, value: medianOf(values), bench: name }];
    });
  });
}

/** The page. */
export function benchPage(all: readonly Measured[], startedAt: Date): string {
  const rows = rowsOf(all);
  const table = rows.map((row) => {
    const { bench, what, value, unit, least, most, runs, is, toReach, stretch } = row;
    const further = stretch === undefined ? "–" : `${is} ${stretch}`;
    return `| \`${bench}\` | ${what} | ${value.toPrecision(3)} ${unit} | ${least.toPrecision(3)} – ${most.toPrecision(3)} (${runs}) | ${is} ${toReach} | ${further} | ${verdictOf(row)} |`;
  });
  const missed = rows.filter((row) => verdictOf(row) === "not reached");
  const failed = all.filter(({ failures }) => failures.length > 0);
  const details = all.map(({ name, outputs, failures }) => {
    const text = [...outputs.slice(-1), ...failures].join("\n").trimEnd();
    return `<details><summary><code>${name}</code>: what the last run printed</summary>\n\n\`\`\`\n${text}\n\`\`\`\n\n</details>`;
  });
  return `# Benchmarks

Written by \`npm run bench\`. Every figure is the median of its runs, beside them the least and the most; a ratio is of two figures that were measured
by turns in the same run, on the same machine, mostly of CPU seconds. What each benchmark measures stands at the head of its file in \`infra/bench\`.

Run of ${startedAt.toISOString()}. ${machine()}

| bench | what | median | least – most (runs) | to reach | stretch | verdict |
|---|---|---|---|---|---|---|
${table.join("\n")}

Verdict: **${missed.length === 0 && failed.length === 0 ? `all ${rows.length} figures are reached` : `${missed.length} of ${rows.length} figures are not reached, ${failed.length} benchmarks failed`}**.

${details.join("\n\n")}
`;
}

function machine(): string {
  const [cpu] = cpus();
  const { dependencies = {} } = JSON.parse(readFileSync(pathOf("infra/package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  const commit = versionOf("git", ["rev-parse", "--short", "HEAD"]);
  const peers = [versionOf("nginx", ["-v"]), versionOf("nats-server", ["--version"])].filter(
    (each) => each !== "",
  );
  return `${cpus().length} × ${cpu?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}; commit ${commit}, Node ${process.version}, undici ${dependencies.undici}; ${peers.join(", ")}.`;
}

function versionOf(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, [...args], { cwd: pathOf("."), encoding: "utf8" });
  return `${stdout ?? ""}${stderr ?? ""}`.trim().split("\n")[0] ?? "";
}
