/** What a benchmark has printed, read back: its goals with their figures and verdicts. */

export interface Outcome {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly is: "≥" | "≤";
  readonly toReach: number;
  readonly stretch: number | undefined;
}

/** A line of `judge`: what, figure, what was asked, verdict. */
const GOAL =
  /^(.+?)\s+(-?[\d.]+(?:e[+-]?\d+)?)(\D*?) {3}to reach ([≥≤]) (-?[\d.]+)\D*?(?:, stretch [≥≤] (-?[\d.]+)\D*?)?: (?:NOT )?(?:stretch )?reached$/i;

/** Every goal that this text judges, in order. */
export function outcomesOf(text: string): Outcome[] {
  return text.split("\n").flatMap((line): Outcome[] => {
    const [, what, value, unit, is, toReach, stretch] = GOAL.exec(line.trimEnd()) ?? [];
    if (what === undefined || value === undefined || toReach === undefined) return [];
    return [
      {
        ...{ what: what.trim(), value: Number(value), unit: (unit ?? "").trim(), is: is === "≥" ? "≥" : "≤" },
        ...{ toReach: Number(toReach), stretch: stretch === undefined ? undefined : Number(stretch) },
      },
    ];
  });
}

/** In words: what a figure has come to. */
export function verdictOf({ value, is, toReach, stretch }: Outcome): "stretch" | "reached" | "not reached" {
  const holds = (limit: number) => (is === "≥" ? value >= limit : value <= limit);
  if (stretch !== undefined && holds(stretch)) return "stretch";
  return holds(toReach) ? "reached" : "not reached";
}
