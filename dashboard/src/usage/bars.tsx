import { useTranslations } from "use-intl";
import { type Frame, heightOf, middleOf, Plot, roomForNames } from "./plot.tsx";
import { linesOf, namedPlaces } from "./scale.ts";
import type { Series } from "./series.ts";

export interface BarsProps {
  readonly frame: Frame;
  readonly label: string;
  readonly series: readonly Series[];
  readonly ticks: readonly string[];
  readonly axis: (value: number) => string;
  /** The last interval is not over. */
  readonly open: boolean;
  readonly cursor: number | null;
  readonly onCursor: (place: number | null) => void;
}

/** Stacked bars, one for each interval; the one that is not over is paler. */
export function Bars({ frame, label, series, ticks, axis, open, cursor, onCursor }: BarsProps) {
  const t = useTranslations("usage");
  const places = ticks.length;
  const sums = ticks.map((_, n) => series.reduce((sum, { values }) => sum + (values[n] ?? 0), 0));
  const lines = linesOf(Math.max(0, ...sums), true);
  const max = lines.at(-1) ?? 1;
  const slot = (frame.width - frame.left - frame.right) / places;
  const width = Math.max(1, Math.min(44, slot - Math.min(6, slot * 0.2)));
  const last = places - 1;
  const names = namedPlaces(places, roomForNames(frame));
  return (
    <Plot
      {...{ frame, label, lines, lineLabel: axis, places, cursor, onCursor }}
      names={names.map((place) => ({ place, text: ticks[place] ?? "" }))}
    >
      {cursor === null ? null : (
        <rect
          className="band"
          x={middleOf(frame, cursor, places) - slot / 2}
          y={frame.top}
          width={slot}
          height={heightOf(frame, 0, 1) - frame.top}
        />
      )}
      {ticks.map((tick, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place
        <g key={`${tick} ${n}`} opacity={open && n === last ? 0.55 : 1}>
          <Bar {...{ frame, series, place: n, max, width, x: middleOf(frame, n, places) - width / 2 }} />
        </g>
      ))}
      {open && frame.right > 40 && (sums[last] ?? 0) > 0 ? (
        <text x={middleOf(frame, last, places) + width / 2 + 6} y={heightOf(frame, sums[last] ?? 0, max) + 4}>
          {t("soFar")}
        </text>
      ) : null}
    </Plot>
  );
}

interface BarProps {
  readonly frame: Frame;
  readonly series: readonly Series[];
  readonly place: number;
  readonly max: number;
  readonly x: number;
  readonly width: number;
}

/** One stack, a hairline between its parts. */
function Bar({ frame, series, place, max, x, width }: BarProps) {
  let below = 0;
  return series.map(({ id, color, values }) => {
    const value = values[place] ?? 0;
    if (value <= 0) return null;
    const [from, to] = [heightOf(frame, below, max), heightOf(frame, below + value, max)];
    below += value;
    const gap = from - to > 3 ? 1 : 0;
    return <rect key={id} x={x} y={to} width={width} height={Math.max(0.75, from - to - gap)} fill={color} />;
  });
}
