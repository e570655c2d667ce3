import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checks, runCheck } from "./checks.ts";
import { run } from "./process.ts";
import { pathOf } from "./root.ts";
import type { Stage } from "./run-stages.ts";
import {
  add,
  failedFiles,
  noTests,
  parseLine,
  type Tally,
  tallyOf,
  type VitestReport,
  withLater,
} from "./tally.ts";

/** All of `npm test`, in order: what fails fastest comes first. */
export const stages: readonly Stage[] = [
  { name: "verify", about: "format, lint, types, house rules", run: runVerify },
  {
    name: "unit",
    about: "unit and property tests, no services",
    run: vitest("infra/house/vitest.unit.config.ts"),
  },
  {
    name: "stack",
    about: "tests on real PostgreSQL and nats-server, then whole stacks end to end",
    run: vitestOnServers("infra/house/vitest.stack.config.ts"),
  },
  {
    name: "browser",
    about: "the dashboard in a real Chromium, against a running stack",
    run: vitestOnServers("infra/house/vitest.browser.config.ts"),
  },
  { name: "workerd", about: "tests inside workerd", run: vitest("gateway/vitest.workerd.config.ts") },
  {
    name: "workers",
    about: "a gateway's end-to-end tests once more, with every gateway on workerd",
    run: vitestOnServers("infra/house/vitest.workers.config.ts"),
  },
  {
    name: "sim",
    about: "the real cores in a simulated, hostile world",
    run: counting("infra/sim/run.ts", "--seconds-max", "170"),
  },
  {
    name: "mutants",
    about: "rules taken out of the source, and what notices",
    run: counting("infra/mutants/main.ts"),
  },
  {
    name: "faults",
    about: "real processes under load while one fault of each kind happens to them",
    run: counting("infra/faults/main.ts", "--short"),
  },
];

async function runVerify(): Promise<Tally> {
  let tally = noTests;
  for (const check of checks) {
    const ok = await runCheck(check);
    console.log(`${ok ? "ok  " : "FAIL"} ${check}`);
    tally = add(tally, { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 });
  }
  return tally;
}

/** vitest colours whatever it writes to; a log file is read without. */
const plain: Record<string, string> =
  process.stdout.isTTY || process.env.FORCE_COLOR !== undefined ? {} : { NO_COLOR: "1" };

/** More files than this do not fail because a machine paused. */
const SECOND_RUN_FILES_MAX = 4;

function vitest(config: string): Stage["run"] {
  return async (filters) => {
    const { report, exitCode } = await runVitest(config, filters);
    return tallyOf(report, exitCode);
  };
}

/**
 * Files that failed on real servers run once more, alone, and this is said aloud: docs/decisions/0019. What fails
 * twice has failed.
 */
function vitestOnServers(config: string): Stage["run"] {
  return async (filters) => {
    const { report, exitCode } = await runVitest(config, filters);
    const failed = failedFiles(report);
    if (report === undefined || failed.length === 0 || failed.length > SECOND_RUN_FILES_MAX) {
      return tallyOf(report, exitCode);
    }
    console.log(`\nfailed, and run once more, alone:\n${failed.join("\n")}\n`);
    const again = await runVitest(config, failed);
    if (again.report === undefined) return tallyOf(report, exitCode);
    const tally = tallyOf(withLater(report, again.report), again.exitCode);
    if (tally.failed === 0) console.log(`\npassed only in the second run:\n${failed.join("\n")}\n`);
    return tally;
  };
}

async function runVitest(config: string, filters: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "claviger-tally-"));
  const path = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${path}`];
  try {
    const exitCode = await run(
      pathOf("node_modules/.bin/vitest"),
      ["run", "--config", config, ...reporters, ...filters],
      {
        // Without it the Workers pool asks Cloudflare for a sample request at every start.
        env: { CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false", ...plain },
      },
    );
    return { report: readReport(path), exitCode };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(path: string): VitestReport | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as VitestReport) : undefined;
}

/** A program that counts by itself; if it says nothing, its exit code is one test. */
function counting(script: string, ...args: readonly string[]): Stage["run"] {
  return async () => {
    let output = "";
    const exitCode = await run(process.execPath, [pathOf(script), ...args], {
      onOutput: (chunk) => {
        output = (output + chunk).slice(-10_000);
      },
    });
    const tally = parseLine(output) ?? { ...noTests, passed: exitCode === 0 ? 1 : 0 };
    const silent = tally.failed === 0 && (exitCode !== 0 || tally.passed === 0);
    return silent ? { ...tally, failed: 1 } : tally;
  };
}
