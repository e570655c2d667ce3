/** How many tests a stage ran, and how they ended. */
export type Tally = { passed: number; failed: number; skipped: number };

/** The part of vitest's JSON report that counts. Its `num…` totals are not used: they leave out files that fail to load. */
export type VitestReport = {
  testResults: { name: string; status: string; assertionResults: { status: string }[] }[];
};

export const noTests: Tally = { passed: 0, failed: 0, skipped: 0 };

export function add(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/**
 * Counts a vitest run. A file that could not be loaded is one failed test; so is a run that ended badly although no
 * test failed (an unhandled error, a crash before the report was written), and a run without any test.
 */
export function tallyOf(report: VitestReport | undefined, exitCode: number): Tally {
  const tally = { ...noTests };
  for (const file of report?.testResults ?? []) {
    const statuses = file.assertionResults.map((result) => result.status);
    const failed = statuses.filter((status) => status === "failed").length;
    tally.passed += statuses.filter((status) => status === "passed").length;
    tally.failed += failed === 0 && file.status === "failed" ? 1 : failed;
    tally.skipped += statuses.filter((status) => status !== "passed" && status !== "failed").length;
  }
  const ran = tally.passed + tally.failed;
  if (tally.failed === 0 && (exitCode !== 0 || ran === 0)) tally.failed = 1;
  return tally;
}

/** The files of a report that did not pass, those that could not be loaded among them. */
export function failedFiles(report: VitestReport | undefined): string[] {
  return (report?.testResults ?? []).filter((file) => file.status === "failed").map((file) => file.name);
}

/** The report with the results of some files replaced by those of a later run of them. */
export function withLater(report: VitestReport, later: VitestReport): VitestReport {
  const again = new Map(later.testResults.map((file) => [file.name, file]));
  return { testResults: report.testResults.map((file) => again.get(file.name) ?? file) };
}

/** The line that CI reads; nothing is printed after it. */
export function line(tally: Tally): string {
  const skipped = tally.skipped === 0 ? "" : `, ${tally.skipped} skipped`;
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`;
}

/** Reads that line from the end of a program's output, where a stage's program counts for itself. */
export function parseLine(output: string): Tally | undefined {
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  const match = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(last);
  if (match === null) return undefined;
  return { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) };
}
