import { expect, test } from "vitest";
import { runStages, type Stage } from "./run-stages.ts";
import type { Tally } from "./tally.ts";

const stage = (name: string, run: () => Promise<Tally | undefined>): Stage => ({
  name,
  about: "of a test",
  run,
});
const ends = (passed: number, failed: number) => async () => ({ passed, failed, skipped: 0 });

async function output(...stages: Stage[]): Promise<{ lines: string[]; failed: number }> {
  const printed: string[] = [];
  const { failed } = await runStages(stages, [], (text) => printed.push(text));
  return { lines: printed.join("\n").split("\n"), failed };
}

test("a stage that fails or throws hides none after it, and the last line is the sum", async () => {
  const throws = () => Promise.reject(new Error("no PostgreSQL here"));
  const { lines, failed } = await output(stage("a", ends(1, 2)), stage("b", throws), stage("c", ends(4, 0)));
  expect(lines.at(-1)).toBe("5 passed, 3 failed");
  expect(lines.filter((line) => line.startsWith("── ")).map((line) => line[3])).toEqual(["a", "b", "c", "s"]);
  expect(lines.join()).toContain("no PostgreSQL here");
  expect(failed).toBe(3);
});

test("a stage that does not exist yet is named in a whole run, and fails when asked for by name", async () => {
  const absent = stage("sim", async () => undefined);
  const whole = await output(stage("a", ends(1, 0)), absent);
  expect(whole.lines.at(-1)).toBe("1 passed, 0 failed");
  expect(whole.lines.join()).toContain("sim      not there yet");
  expect((await output(absent)).lines.at(-1)).toBe("0 passed, 1 failed");
});
