import { type Frame, heightOf, middleOf, Plot, roomForNames } from "./plot.tsx";
import { linesOf, namedPlaces } from "./scale.ts";
import type { Series } from "./series.ts";

export interface LinesProps {
  readonly frame: Frame;
  readonly label: string;
  /** NaN where nothing was measured: the line has a gap there. */
  readonly series: readonly Series[];
  readonly ticks: readonly string[];
  readonly axis: (value: number) => string;
  readonly cursor: number | null;
  readonly onCursor: (place: number | null) => void;
}

/** A line for each series. */
export function Lines({ frame, label, series, ticks, axis, cursor, onCursor }: LinesProps) {
  const places = ticks.length;
  const known = series.flatMap(({ values }) => values.filter(Number.isFinite));
  const lines = linesOf(Math.max(0, ...known), true);
  const max = lines.at(-1) ?? 1;
  const at = (place: number, value: number) =>
    [middleOf(frame, place, places), heightOf(frame, value, max)] as const;
  return (
    <Plot
      {...{ frame, label, lines, lineLabel: axis, places, cursor, onCursor }}
      names={namedPlaces(places, roomForNames(frame)).map((place) => ({ place, text: ticks[place] ?? "" }))}
    >
      {cursor === null ? null : (
        <line
          className="base"
          x1={middleOf(frame, cursor, places)}
          x2={middleOf(frame, cursor, places)}
          y1={frame.top}
          y2={heightOf(frame, 0, 1)}
        />
      )}
      {series.map(({ id, color, values }) => (
        <g key={id} stroke={color} fill={color}>
          <path d={pathOf(values, at)} fill="none" strokeWidth={1.75} strokeLinejoin="round" />
          {values.map((value, n) => {
            const alone = !Number.isFinite(values[n - 1]) && !Number.isFinite(values[n + 1]);
            if (!Number.isFinite(value) || !(alone || n === cursor)) return null;
            const [x, y] = at(n, value);
            // biome-ignore lint/suspicious/noArrayIndexKey: a point is its place
            return <circle key={n} cx={x} cy={y} r={2.5} stroke="none" />;
          })}
        </g>
      ))}
    </Plot>
  );
}

function pathOf(
  values: readonly number[],
  at: (place: number, value: number) => readonly [number, number],
): string {
  return values
    .map((value, n) => {
      if (!Number.isFinite(value)) return "";
      const [x, y] = at(n, value);
      return `${Number.isFinite(values[n - 1]) ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}
