/** An axis that ends on a round number, with at most four lines. */

const STEPS = [1, 2, 2.5, 5, 10];
const LINES_MAX = 4;

/** Values of the lines above zero, ascending; the last one is the top of the axis. `whole`: no line between two integers. */
export function linesOf(max: number, whole: boolean): number[] {
  const least = whole ? 1 : Number.MIN_VALUE;
  const rough = Math.max(max, least) / LINES_MAX;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.map((one) => one * power).find((one) => one >= rough * 0.999_999) ?? rough;
  const size = whole ? Math.max(1, Math.ceil(step)) : step;
  return Array.from({ length: Math.max(1, Math.ceil(max / size - 1e-9)) }, (_, n) => (n + 1) * size);
}

/** Which of so many places are named below the axis: the first, and as many as fit at even distances. */
export function namedPlaces(length: number, most: number): number[] {
  const step = Math.max(1, Math.ceil(length / most));
  return Array.from({ length: Math.ceil(length / step) }, (_, n) => n * step);
}
