import { describe, expect, test } from "vitest";
import { add, failedFiles, line, noTests, parseLine, tallyOf, withLater } from "./tally.ts";

const file = (status: string, ...statuses: string[]) => ({
  name: "a.test.ts",
  status,
  assertionResults: statuses.map((each) => ({ status: each })),
});

describe("tallyOf", () => {
  test("counts each test by how it ended", () => {
    const report = {
      testResults: [file("failed", "passed", "failed"), file("passed", "passed", "pending", "todo")],
    };
    expect(tallyOf(report, 1)).toEqual({ passed: 2, failed: 1, skipped: 2 });
  });

  test("a file that cannot be loaded is a failure, though it has no test", () => {
    expect(tallyOf({ testResults: [file("passed", "passed"), file("failed")] }, 1)).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
    });
  });

  test("a run that ends badly with every test green (an unhandled error) is a failure", () => {
    expect(tallyOf({ testResults: [file("passed", "passed")] }, 1).failed).toBe(1);
  });

  test("a run without tests, with skipped tests only, or without a report is a failure", () => {
    expect(tallyOf({ testResults: [] }, 0).failed).toBe(1);
    expect(tallyOf({ testResults: [file("passed", "pending")] }, 0).failed).toBe(1);
    expect(tallyOf(undefined, 0).failed).toBe(1);
  });
});

describe("a second run of the files that failed", () => {
  const first = {
    testResults: [
      { ...file("passed", "passed"), name: "a.test.ts" },
      { ...file("failed", "passed", "failed"), name: "b.test.ts" },
    ],
  };

  test("names those files only, and one that cannot be loaded too", () => {
    const broken = { ...file("failed"), name: "c.test.ts" };
    expect(failedFiles({ testResults: [...first.testResults, broken] })).toEqual(["b.test.ts", "c.test.ts"]);
    expect(failedFiles(undefined)).toEqual([]);
  });

  test("counts in place of the first, and a test that fails again has failed", () => {
    const passed = { testResults: [{ ...file("passed", "passed", "passed"), name: "b.test.ts" }] };
    expect(tallyOf(withLater(first, passed), 0)).toEqual({ passed: 3, failed: 0, skipped: 0 });
    expect(tallyOf(withLater(first, { testResults: first.testResults.slice(1) }), 1).failed).toBe(1);
  });

  test("that ends badly, or leaves a file out, hides nothing", () => {
    const passed = { testResults: [{ ...file("passed", "passed", "passed"), name: "b.test.ts" }] };
    expect(tallyOf(withLater(first, passed), 1).failed).toBe(1);
    expect(tallyOf(withLater(first, { testResults: [] }), 0).failed).toBe(1);
  });
});

describe("the line that CI reads", () => {
  test("names skipped tests only when there are some", () => {
    expect(line({ passed: 12, failed: 0, skipped: 0 })).toBe("12 passed, 0 failed");
    expect(line({ passed: 12, failed: 1, skipped: 2 })).toBe("12 passed, 1 failed, 2 skipped");
  });

  test("is read back as it was written, from the last line only", () => {
    const tally = { passed: 3, failed: 1, skipped: 4 };
    expect(parseLine(`1 passed, 0 failed\n${line(tally)}\n`)).toEqual(tally);
    expect(parseLine("3 passed, 1 failed\nand then a crash")).toBeUndefined();
  });

  test("sums add up field by field", () => {
    expect(add({ passed: 1, failed: 2, skipped: 3 }, { ...noTests, failed: 1 })).toEqual({
      passed: 1,
      failed: 3,
      skipped: 3,
    });
  });
});
